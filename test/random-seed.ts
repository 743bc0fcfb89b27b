/**
 * Tests of random values draw the same ones in every run, so that whether a change passes is not a matter of luck, and a case that a test
 * says it has drawn is drawn. `SEAMLOCK_SEED` draws others, as in the tests that make random programs; `SEAMLOCK_RUNS` more of them.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["SEAMLOCK_SEED"] ?? 1) });
