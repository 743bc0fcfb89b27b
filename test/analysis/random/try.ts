import { generate } from "/work/wt/house/test/analysis/random/generate.ts";
import { compare } from "/work/wt/house/test/analysis/random/compare.ts";
const [from, to] = [Number(process.argv[2]), Number(process.argv[3])];
let met=0, possible=0, unmet=0, excluded=0; const kinds: Record<string, number> = {};
const t = Date.now(); let shown: Record<string, number> = {};
for (let seed = from; seed < to; seed++) {
  const t1 = Date.now();
  let r; try { r = compare(generate(seed)); } catch (e) { console.log(seed, "error", (e as Error).message.slice(0,200)); continue; }
  if (Date.now()-t1 > 2000) console.log(seed, "slow", Date.now()-t1);
  met+=r.met; possible+=r.possible; unmet+=r.unmet.length; excluded+=r.excluded;
  for (const d of r.differences) { kinds[d.kind]=(kinds[d.kind]??0)+1; if ((shown[d.kind]??0) < 6) { shown[d.kind]=(shown[d.kind]??0)+1; console.log(seed, d.kind, d.what);} }
}
console.log({met, possible, unmet, excluded, ...kinds, ms: Date.now()-t});
