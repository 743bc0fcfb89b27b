/** The reference model lives beside the other scenarios; benchmarks and engine tests take it from here. */
export { type EnterAndZap, enterAndZap } from "../../src/model/enter-and-zap.ts";
