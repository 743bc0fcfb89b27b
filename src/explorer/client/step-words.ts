/** A step of a run in words, with the chosen module's names. */
import type { TraceStep } from "../../language/index.ts";
import { stepText } from "../logic/lanes.ts";
import { currentModule } from "./store.ts";

export const stepWords = (step: TraceStep): string => stepText(step, currentModule.value.catalog);
