import { generate } from "./generate.ts";
import { compare } from "./compare.ts";
import { shrink, written } from "./shrink.ts";
for (const arg of process.argv.slice(2)) {
  const [seed, want] = arg.split(":");
  const house = generate(Number(seed));
  const kind = want ?? compare(house).differences[0]?.kind;
  const small = shrink(house, (h) => compare(h).differences.some((d) => d.kind === kind));
  console.log("----", seed, kind, "\n" + compare(small).differences.map((d) => `${d.kind}: ${d.what}`).join("\n") + "\n" + written(small));
}
