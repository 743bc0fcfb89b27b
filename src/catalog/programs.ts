/** Types of the small programs that a catalog has of the module's atomic instructions; what each field means stands in programs-schema.ts. */
import type { z } from "zod";
import type * as schemas from "./programs-schema.ts";
import type { Frozen } from "./types.ts";

type Of<Name extends keyof typeof schemas> = Frozen<z.infer<(typeof schemas)[Name]>>;

export type FieldName = Of<"fieldName">;
export type FieldValues = Of<"fieldValues">;
export type LockWord = Of<"wordSchema">;
export type AtomicInstruction = Of<"instructionSchema">;
export type LockResult = Of<"lockResult">;
export type FieldTest = Of<"testSchema">;
export type ProgramBranch = Of<"branchSchema">;
export type ProgramStep = Of<"stepSchema">;
export type LockProgram = Of<"lockProgramSchema">;
export type BitSource = Of<"bitSource">;
export type WriterStep = Of<"writerStepSchema">;
export type SeptWriter = Of<"septWriterSchema">;
export type OtherAtomic = Of<"otherAtomicSchema">;
export type Behaviour = Of<"behaviourSchema">;
