/**
 * What is done about a BUSY, one way to handle it each: functions of our own, called from commands of the small kernel's vCPU, and what
 * comes out for the calls in them. A call is named by the field that it writes.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { extractHost, type KernelRules, parseKernelRules } from "../../src/kernel/index.ts";
import { SMALL_TREE, smallRules } from "./small/small.ts";

const folder = mkdtempSync(join(tmpdir(), "seamlock-reactions-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "arch/x86/kvm/vmx/tdx.c";

interface Case {
  /** What stands before the function. */
  readonly before?: string;
  /** Its body; `wr(n)` is a SEAMCALL, `kick()` keeps vCPUs out with `bar(true)` and kicks them with `request()`. */
  readonly body: string;
  /** What is done on each way, of all its SEAMCALLs. */
  readonly does: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "an error that the source names is returned, another is not known": {
    body: "if (wr(1)) return -EIO;\n\tif (wr(2)) return pen_next_here() ? -EIO : -EBUSY;\n\tif (wr(3)) return -(int)vcpu->cpu;\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY", "unknown"],
  },
  "what a test finds where it names the constant first": {
    body: "err = wr(1);\n\tif (0 == err) return 0;\n\tif (TDX_OPERAND_BUSY == (err & TDX_SEAMCALL_STATUS_MASK)) return -EAGAIN;\n\treturn -EIO;",
    does: ["return:-EAGAIN"],
  },
  "what a caller's test finds where it names the constant first": {
    before: "static int one(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1) ? -EIO : 0;\n}",
    body: "int ret = one(vcpu);\n\n\tif (-EIO == ret) return -EFAULT;\n\tif (0 != ret) return -ENOMEM;\n\treturn 0;",
    does: ["return:-EFAULT"],
  },
  "an error that is returned or nothing": {
    body: "return wr(1) ? (pen_next_here() ? -EIO : 0) : 0;",
    does: ["return:-EIO", "ignore"],
  },
  "what is done and not told to a caller, beside what is": {
    body: "err = wr(1);\n\tif (err) {\n\t\tif (pen_asked(kvm)) return -EIO;\n\t\tWARN_ON_ONCE(err);\n\t\treturn 0;\n\t}\n\terr = wr(2);\n\tif (err) {\n\t\tif (pen_asked(kvm)) return -EIO;\n\t\tKVM_BUG_ON(err, kvm);\n\t\treturn 0;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "warn", "bug-vm"],
  },
  "what is given back on both ways is not leaked": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\terr = wr(1);\n\tif (err) {\n\t\t__free_page(page);\n\t\treturn -EIO;\n\t}\n\t__free_page(page);\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "what is given back only where the call does not fail is leaked": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\terr = wr(1);\n\tif (err) return -EIO;\n\t__free_page(page);\n\treturn 0;",
    does: ["leak, return:-EIO"],
  },
  "what is given back on a way that does not come to the call says nothing of it": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\tif (pen_asked(kvm)) {\n\t\t__free_page(page);\n\t\treturn -ENOMEM;\n\t}\n\treturn wr(1) ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "what is given back when nothing looks at the status any more is not leaked": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\n\tif (wr(1)) pen_show(1);\n\t__free_page(page);\n\treturn 0;",
    does: ["ignore"],
  },
  "what is given back before the call says nothing of it": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\n\t__free_page(page);\n\treturn wr(1) ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "what a function of the tree would have let go of is leaked where it is not called": {
    before: "static int @_drop(struct kvm_vcpu *vcpu)\n{\n\treturn wr(2) ? -EINVAL : 0;\n}\n",
    body: "if (wr(1)) return -EIO;\n\treturn @_drop(vcpu);",
    does: ["leak, return:-EIO", "return:-EINVAL"],
  },
  "another failure that takes the place of the status on one way only": {
    body: "int ret = 0;\n\n\tif (wr(1)) ret = -EIO;\n\tif (pen_asked(kvm)) ret = -ENOMEM;\n\treturn ret;",
    does: ["return:-EIO"],
  },
  "a status that is kept in a structure of all, where another function looks at it": {
    before:
      "static int @_look(struct kvm_vcpu *vcpu)\n{\n\tif (to_tdx(vcpu)->vp_enter_ret) return -EIO;\n\tto_tdx(vcpu)->vp_enter_ret = 0;\n\treturn 0;\n}\n",
    body: "to_tdx(vcpu)->vp_enter_ret = wr(1);\n\treturn @_look(vcpu);",
    does: ["return:-EIO"],
  },
  "what is done on a way that returns another failure": {
    body: "int ret = 0;\n\n\tif (wr(1)) {\n\t\tif (pen_asked(kvm)) {\n\t\t\tKVM_BUG_ON(1, kvm);\n\t\t\tret = -EIO;\n\t\t}\n\t}\n\tpen_show(ret);\n\treturn -EINVAL;",
    does: ["ignore", "bug-vm"],
  },
  "a member that is set because of it, and looked at later": {
    body: "if (wr(1)) kvm->pre_fault_allowed = true;\n\tpen_show(1);\n\tif (kvm->pre_fault_allowed) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a member that is set where there is none": {
    body: "kvm->pre_fault_allowed = false;\n\tif (!wr(1)) kvm->pre_fault_allowed = true;\n\tif (!kvm->pre_fault_allowed) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a member that is counted because of it": {
    body: "if (wr(1)) kvm->nr_vcpus++;\n\tif (kvm->nr_vcpus) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "a member that is counted where there is none": {
    body: "if (!wr(1)) kvm->nr_vcpus++;\n\tif (!kvm->nr_vcpus) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "a member that one function sets, and another one looks at for its caller": {
    before:
      "static void @_note(struct kvm *vm)\n{\n\tvm->pre_fault_allowed = true;\n}\nstatic void @_try(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) @_note(vcpu->kvm);\n}\nstatic int @_look(struct kvm *vm)\n{\n\tpen_show(1);\n\tif (vm->pre_fault_allowed) return -EIO;\n\treturn 0;\n}\n",
    body: "@_try(vcpu);\n\treturn @_look(kvm);",
    does: ["return:-EIO"],
  },
  "a member that a function sets where there is none": {
    before: "static void @_note(struct kvm *vm)\n{\n\tvm->pre_fault_allowed = true;\n}\n",
    body: "kvm->pre_fault_allowed = false;\n\tif (!wr(1)) @_note(kvm);\n\tif (!kvm->pre_fault_allowed) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a member that a function sets which makes a call itself, where there is none": {
    before:
      "static int @_next(struct kvm_vcpu *vcpu)\n{\n\tif (wr(2)) return -EINVAL;\n\tvcpu->kvm->nr_vcpus = 1;\n\treturn 0;\n}\n",
    body: "kvm->nr_vcpus = 0;\n\tif (!wr(1)) @_next(vcpu);\n\tif (!kvm->nr_vcpus) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "a member that a long function sets where there is none": {
    before: `static void @_set(struct kvm *vm)\n{\n\t${"pen_show(1);\n\t".repeat(100)}vm->nr_vcpus = 1;\n}\n`,
    body: "kvm->nr_vcpus = 0;\n\tif (!wr(1)) @_set(kvm);\n\tif (!kvm->nr_vcpus) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "what is stored to another vCPU's member may not be stored to this one's": {
    body: "struct kvm_vcpu *other = kvm_get_vcpu(kvm, 1);\n\n\tif (wr(1)) vcpu->srcu_idx = 5;\n\tother->srcu_idx = 0;\n\tif (vcpu->srcu_idx == 5) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "what is stored to each vCPU's member is stored to this one's in one round only": {
    body: "struct kvm_vcpu *each;\n\n\tif (wr(1)) vcpu->srcu_idx = 5;\n\tkvm_for_each_vcpu(i, each, kvm) {\n\t\teach->srcu_idx = 0;\n\t\tWARN_ON_ONCE(vcpu->srcu_idx == 5);\n\t}\n\treturn 0;",
    does: ["warn", "ignore"],
  },
  "another vCPU's member may be this one's": {
    body: "struct kvm_vcpu *other = kvm_get_vcpu(kvm, 1);\n\n\tif (wr(1)) vcpu->srcu_idx = 5;\n\tif (other->srcu_idx == 5) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "a test of another vCPU's member says nothing of this one's": {
    body: "struct kvm_vcpu *other = kvm_get_vcpu(kvm, 1);\n\n\tvcpu->srcu_idx = pen_next_here() ? 5 : 6;\n\tif (wr(1)) vcpu->srcu_idx = vcpu->srcu_idx == 5 ? 7 : 8;\n\tif (other->srcu_idx == 7) return 0;\n\tif (vcpu->srcu_idx == 7) return -EIO;\n\treturn 0;",
    does: ["return:-EIO", "ignore"],
  },
  "a member that only success would have set, and that says how it went": {
    before:
      "static int @_try(struct kvm_vcpu *vcpu)\n{\n\tif (!wr(1)) vcpu->kvm->nr_vcpus = 1;\n\treturn vcpu->kvm->nr_vcpus ? -EIO : 0;\n}\n",
    body: "if (!@_try(vcpu)) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm", "ignore"],
  },
  "a member that is set through a pointer to it": {
    before: "static void @_note(bool *flag)\n{\n\t*flag = true;\n}\n",
    body: "if (wr(1)) @_note(&kvm->pre_fault_allowed);\n\tif (kvm->pre_fault_allowed) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a member whose value is followed anyway": {
    body: "struct kvm_tdx *td = to_kvm_tdx(kvm);\n\n\tif (wr(1)) td->state = TD_STATE_UNINITIALIZED;\n\telse td->state = TD_STATE_RUNNABLE;\n\tif (td->state == TD_STATE_UNINITIALIZED) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a member that keeps a call going": {
    body: "kvm->nr_vcpus = 3;\n\twhile (kvm->nr_vcpus == 3)\n\t\tif (!wr(1)) kvm->nr_vcpus = 0;\n\treturn 0;",
    does: ["retry:unbounded", "ignore"],
  },
  "a member that is what was stored there because of it, and nothing else": {
    body: "if (wr(1)) kvm->nr_vcpus = 5;\n\tif (kvm->nr_vcpus == 5) return -EIO;\n\treturn -EINVAL;",
    does: ["return:-EIO"],
  },
  "an object at file scope that is set because of it": {
    before: "static bool @_failed;\n",
    body: "if (wr(1)) @_failed = true;\n\tpen_show(1);\n\treturn @_failed ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "an object at file scope that keeps the status": {
    before: "static u64 @_status;\n",
    body: "@_status = wr(1);\n\tpen_show(1);\n\treturn @_status ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "an object at file scope that begins as something else than zero": {
    before:
      "static bool @_alive = true;\nstatic void @_pair(void)\n{\n\t@_alive = true;\n\tpen_show(1);\n\t@_alive = false;\n}\n",
    body: "if (wr(1)) @_alive = false;\n\tpen_show(1);\n\treturn @_alive ? 0 : -EIO;",
    does: ["return:-EIO"],
  },
  "a member that only zero is stored to": {
    body: "if (wr(1)) vcpu->cpu = 0;\n\tpen_show(1);\n\treturn vcpu->cpu ? 0 : -EIO;",
    does: ["return:-EIO"],
  },
  "a member at which nobody looks": {
    body: "if (wr(1)) kvm->vm_type = 7;\n\treturn 0;",
    does: ["ignore"],
  },
  "a member that is stored again before somebody looks": {
    body: "if (wr(1)) kvm->pre_fault_allowed = true;\n\tkvm->pre_fault_allowed = false;\n\tif (kvm->pre_fault_allowed) return -EIO;\n\treturn 0;",
    does: ["ignore"],
  },
  "a member that is put back": {
    before: "static int @_look(struct kvm *vm)\n{\n\treturn to_kvm_tdx(vm)->wait_for_sept_zap ? -EAGAIN : 0;\n}\n",
    body: "struct kvm_tdx *td = to_kvm_tdx(kvm);\n\n\tif (wr(1)) {\n\t\ttd->wait_for_sept_zap = true;\n\t\tKVM_BUG_ON(1, kvm);\n\t\ttd->wait_for_sept_zap = false;\n\t}\n\treturn @_look(kvm);",
    does: ["bug-vm"],
  },
  "a member that a pair of functions sets and puts back": {
    before:
      "static void @_start(struct kvm *vm)\n{\n\tto_kvm_tdx(vm)->wait_for_sept_zap = true;\n}\nstatic void @_stop(struct kvm *vm)\n{\n\tto_kvm_tdx(vm)->wait_for_sept_zap = false;\n}\nstatic int @_look(struct kvm *vm)\n{\n\treturn to_kvm_tdx(vm)->wait_for_sept_zap ? -EAGAIN : 0;\n}\n",
    body: "if (wr(1)) {\n\t\t@_start(kvm);\n\t\tWARN_ON_ONCE(1);\n\t\t@_stop(kvm);\n\t}\n\treturn @_look(kvm);",
    does: ["warn"],
  },
  "another failure, where a member still tells of it": {
    body: "int ret = 0;\n\n\tif (wr(1)) {\n\t\tkvm->pre_fault_allowed = true;\n\t\tret = -EIO;\n\t}\n\tif (pen_asked(kvm)) ret = -ENOMEM;\n\treturn ret;",
    does: ["return:-EIO"],
  },
  "a loop that a flag keeps going": {
    body: "bool more = pen_asked(kvm);\n\n\tdo {\n\t\terr = wr(1);\n\t} while (err && more);\n\treturn 0;",
    does: ["ignore", "retry:unbounded"],
  },
  "a loop that a flag keeps going, after a warning": {
    body: "bool more = pen_asked(kvm);\n\n\twhile (1) {\n\t\terr = wr(1);\n\t\tif (!err) return 0;\n\t\tWARN_ON_ONCE(1);\n\t\tif (!more) return -EIO;\n\t}",
    does: ["warn, return:-EIO", "retry:unbounded, warn"],
  },
  "a helper that gives zero for a failure": {
    before: "static int @_ok(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return 0;\n\treturn 1;\n}\n",
    body: "if (!@_ok(vcpu)) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "zero is success to user space": {
    body: "return wr(1) ? 0 : 1;",
    does: ["ignore"],
  },
  "what is found out because of it says how it went": {
    before:
      "static int @_try(struct kvm_vcpu *vcpu)\n{\n\tint ret = 0;\n\n\tif (wr(1)) ret = pen_next_here();\n\treturn ret;\n}\n",
    body: "if (@_try(vcpu)) return -EIO;\n\treturn 0;",
    does: ["ignore", "return:-EIO"],
  },
  "so does what is found out in the midst of an expression": {
    body: "switch (wr(1) ? pen_next_here() : 0) {\n\tcase 0:\n\t\tbreak;\n\tdefault:\n\t\tWARN_ON_ONCE(1);\n\t}\n\treturn 0;",
    does: ["ignore", "warn"],
  },
  "a call after a kick that is made though there was no BUSY is more than a second try": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) kick();\n\tif (err) err = wr(1);\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:1, return:-EIO", "return:-EIO"],
  },
  "what is done about one operand alone is not known": {
    body: "err = wr(1);\n\tif (err == (TDX_OPERAND_BUSY | 0x92)) return -EAGAIN;\n\tif ((TDX_OPERAND_BUSY | 0x7f) == err) return -EINTR;\n\treturn err ? -EIO : 0;",
    does: ["return:-EINTR", "unknown"],
  },
  "nor where the operand is looked at apart": {
    body: "err = wr(1);\n\tif (!err) return 0;\n\tswitch (err & 0xff) {\n\tcase 1:\n\t\treturn -EAGAIN;\n\t}\n\treturn -EIO;",
    does: ["return:-EIO", "unknown"],
  },
  "nor where only another one is tried again": {
    body: "do {\n\t\terr = wr(1);\n\t} while (err == (TDX_OPERAND_BUSY | 0x92));\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO", "unknown"],
  },
  "what an int keeps of a status is its operand, which is no BUSY": {
    body: "int err32 = wr(1);\n\n\tif (tdx_operand_busy(err32)) return -EAGAIN;\n\treturn err32 ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "so does a function that gives an int": {
    before: "static int @_wr(struct kvm_vcpu *vcpu)\n{\n\tu64 err = wr(1);\n\n\treturn err;\n}\n",
    body: "int ret = @_wr(vcpu);\n\n\tif (tdx_operand_busy(ret)) return -EAGAIN;\n\treturn ret ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "so does a function that gives an int to what is no int": {
    before: "static int @_wr(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1);\n}\n",
    body: "err = @_wr(vcpu);\n\tif (tdx_operand_busy(err)) return -EAGAIN;\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "so does one that is given it as an int": {
    before:
      "static bool @_busy(int err)\n{\n\tif ((err & TDX_SEAMCALL_STATUS_MASK) == TDX_OPERAND_BUSY)\n\t\treturn true;\n\treturn false;\n}\n",
    body: "err = wr(1);\n\tif (@_busy(err)) return -EAGAIN;\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "a bool keeps of a status that it is one": {
    before: "static bool @_wr(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1);\n}\n",
    body: "return @_wr(vcpu) ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "an int keeps the error that was made of a status": {
    body: "int ret = wr(1) ? -EBUSY : 0;\n\n\treturn ret == -EBUSY ? -EAGAIN : ret;",
    does: ["return:-EAGAIN"],
  },
  "tries after a kick are of the call before it, however many": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\ti = 3;\n\t\tdo {\n\t\t\terr = wr(1);\n\t\t} while (tdx_operand_busy(err) && --i);\n\t\tbar(false);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:3, return:-EIO"],
  },
  "so are twenty": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\ti = 20;\n\t\tdo {\n\t\t\terr = wr(1);\n\t\t} while (tdx_operand_busy(err) && --i);\n\t\tbar(false);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:20, return:-EIO"],
  },
  "a status of another kind, whatever its operand, is none of a BUSY": {
    body: "err = wr(1);\n\tif (err == (TDX_OPERAND_BUSY | 1ULL << 40 | 0x92) || err == TDX_OPERAND_BUSY) return -EAGAIN;\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "data of a failure that may be any, as those without one may": {
    before:
      "static bool @_is(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return pen_next_here();\n\treturn pen_asked(vcpu->kvm);\n}\n",
    body: "if (@_is(vcpu)) return -EIO;\n\treturn 0;",
    does: ["misread"],
  },
  "what only success would have set, of which nothing is known before": {
    body: "int left = vcpu->cpu;\n\n\tif (!wr(1)) left = 0;\n\tif (left) return -EIO;\n\treturn 0;",
    does: ["ignore", "return:-EIO"],
  },
  "what only success would have set": {
    body: "bool ok = false;\n\n\tif (!wr(1)) ok = true;\n\tif (!ok) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "what only success would have set where it was given to a helper": {
    before:
      "static void @_into(struct kvm_vcpu *vcpu, int *left)\n{\n\tif (!wr(1)) *left = 0;\n}\n\nstatic int @_early(struct kvm_vcpu *vcpu, int *left)\n{\n\tif (wr(2)) return 0;\n\t*left = 0;\n\treturn 0;\n}\n",
    body: "int left = 1, more = 1;\n\n\t@_into(vcpu, &left);\n\tif (left) return -EIO;\n\t@_early(vcpu, &more);\n\treturn more ? -EBUSY : 0;",
    does: ["return:-EIO", "return:-EBUSY"],
  },
  "what only success would have had set by a helper's helper": {
    before:
      "static void @_more(struct kvm_vcpu *vcpu, int *left)\n{\n\tif (!wr(2)) *left = 0;\n}\n\nstatic void @_into(struct kvm_vcpu *vcpu, int *left)\n{\n\tif (!wr(1)) @_more(vcpu, left);\n}\n",
    body: "int left = 1;\n\n\t@_into(vcpu, &left);\n\treturn left ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "what only success would have set in a structure that a helper's helper is given": {
    before:
      "struct @_kept { bool on; int ret; };\nstatic void @_more(struct @_kept *kept)\n{\n\tkept->on = true;\n}\n\nstatic void @_into(struct kvm_vcpu *vcpu, struct @_kept *kept)\n{\n\tif (!wr(1)) @_more(kept);\n}\n",
    body: "struct @_kept kept = {};\n\n\t@_into(vcpu, &kept);\n\tif (!kept.on) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "what only success would have set in a structure": {
    before: "struct @_kept { bool on; int ret; };\n",
    body: "struct @_kept kept = {};\n\n\tif (!wr(1)) kept.on = true;\n\tif (!kept.on) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "what only success would have had filled": {
    body: "int got = 0;\n\n\tif (!wr(1)) pen_fill(&got);\n\tif (!got) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "what is counted because of it says that it happened": {
    body: "int n = 0;\n\n\tif (wr(1)) n++;\n\treturn n ? -EIO : 0;",
    does: ["return:-EIO"],
  },
  "so does what is counted in a loop, where an earlier failure may have counted before": {
    body: "int n = 0;\n\n\tfor (i = 0; i < vcpu->cpu; i++) {\n\t\tif (wr(1)) n++;\n\t}\n\tif (n) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm", "ignore"],
  },
  "what is counted because of it and set anew before anybody looks says nothing": {
    body: "int n = 0;\n\n\tif (wr(1)) n++;\n\tn = vcpu->cpu;\n\treturn n ? -EIO : 0;",
    does: ["ignore"],
  },
  "what only success would have counted says how often, not what happened": {
    body: "int n = 0;\n\n\tif (!wr(1)) n++;\n\tif (n < vcpu->cpu) return -E2BIG;\n\treturn 0;",
    does: ["ignore"],
  },
  "nor does what only success would have had counted by a helper's helper": {
    before:
      "static void @_more(int *n)\n{\n\t(*n)++;\n}\n\nstatic void @_into(struct kvm_vcpu *vcpu, int *n)\n{\n\tif (!wr(1)) @_more(n);\n}\n",
    body: "int n = 0;\n\n\t@_into(vcpu, &n);\n\tif (n < vcpu->cpu) return -E2BIG;\n\treturn 0;",
    does: ["ignore"],
  },
  "a result that is filled by hand and that nobody reads is not misread": {
    before: "static int @_fill(struct kvm_vcpu *vcpu, u64 *data)\n{\n\treturn rd(1, data) ? -EIO : 0;\n}\n",
    body: "u64 data;\n\n\tif (@_fill(vcpu, &data)) data = 0;\n\tdata = 1;\n\tpen_show(data);\n\treturn 0;",
    does: ["ignore"],
  },
  "calls of one function that end in different ways": {
    body: "struct tdx_module_args args = {};\n\n\tif (__seamcall(TDH_VP_WR, &args)) return -EIO;\n\tif (__seamcall(TDH_VP_WR, &args)) return -EBUSY;\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY"],
  },
  "a positive answer that is sometimes none tells nobody": {
    body: "return wr(1) ? !!pen_next_here() : 0;",
    does: ["misread"],
  },
  "a status in a structure that is copied": {
    before: "struct @_kept { u64 err; };\n",
    body: "struct @_kept kept, copy;\n\n\tkept.err = wr(1);\n\tcopy = kept;\n\tif (copy.err) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "a status in a structure of a structure, from where that is made": {
    before: "struct @_inner { u64 err; };\nstruct @_outer { struct @_inner in; };\n",
    body: "err = wr(1);\n\tstruct @_outer outer = { .in = { .err = err } };\n\n\tif (outer.in.err) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "a status that is given as a truth": {
    before: "static bool @_failed(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1);\n}\n",
    body: "if (@_failed(vcpu) == true) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "a call that is repeated until it no longer gives BUSY": {
    body: "do {\n\t\terr = wr(1);\n\t} while (tdx_operand_busy(err));\n\treturn 0;",
    does: ["retry:unbounded"],
  },
  "a call that is repeated until a signal comes": {
    body: "do {\n\t\terr = wr(2);\n\t\tif (tdx_operand_busy(err) && signal_pending(current)) return -EINTR;\n\t} while (tdx_operand_busy(err));\n\treturn 0;",
    does: ["return:-EINTR", "retry:unbounded, return:-EINTR"],
  },
  "a call that is made again once or twice": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tif (pen_asked(kvm)) {\n\t\t\terr = wr(1);\n\t\t\tif (!tdx_operand_busy(err)) return 0;\n\t\t}\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO", "retry:1, return:-EIO", "retry:2, return:-EIO"],
  },
  "a call that is made again until it was kicked for": {
    body: "bool kicked = false;\n\n\twhile (1) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) return err ? -EINVAL : 0;\n\t\tif (kicked) return -EIO;\n\t\tif (pen_asked(kvm)) {\n\t\t\tkick();\n\t\t\tkicked = true;\n\t\t}\n\t}",
    does: ["kick-and-retry:1, return:-EIO", "retry:unbounded, return:-EIO"],
  },
  "how often it is repeated is not known": {
    body: "for (i = 0; i < vcpu->cpu; i++) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) break;\n\t}\n\treturn err ? -EAGAIN : 0;",
    does: ["return:-EAGAIN", ...Array.from({ length: 9 }, (_, i) => `retry:${i + 1}, return:-EAGAIN`), "unknown"],
  },
  "what is counted down from what is not known may end the loop": {
    body: "int n = vcpu->cpu;\n\n\tdo {\n\t\terr = wr(1);\n\t} while (tdx_operand_busy(err) && n--);\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO", "retry:1, return:-EIO", "unknown"],
  },
  "so may what a member counts": {
    body: "do {\n\t\terr = wr(1);\n\t} while (tdx_operand_busy(err) && vcpu->srcu_idx++ < 8);\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO", "retry:1, return:-EIO", "unknown"],
  },
  "so may what is stepped on by more than one": {
    body: "int n = vcpu->cpu;\n\n\tdo {\n\t\terr = wr(1);\n\t\tn = n - 2;\n\t} while (tdx_operand_busy(err) && n > 0);\n\treturn err ? -EIO : 0;",
    does: ["return:-EIO", "retry:1, return:-EIO", "unknown"],
  },
  "how often it is repeated is known, and what follows when that does not help": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err))\n\t\terr = wr(1);\n\tif (KVM_BUG_ON(err, kvm)) return -EIO;\n\treturn 0;",
    does: ["retry:1, bug-vm, return:-EIO", "bug-vm, return:-EIO"],
  },
  "a call that is made again, after a kick on one way and without on another": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tif (pen_asked(kvm)) kick();\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "kick-and-retry:1, return:-EIO", "return:-EIO"],
  },
  "a call that is made again, after a kick for one caller and without for another": {
    before:
      "static int @_twice(struct kvm_vcpu *vcpu, bool kick)\n{\n\tu64 err = wr(1);\n\n\tif (tdx_operand_busy(err)) {\n\t\tif (kick) kick();\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;\n}\n",
    body: "if (pen_asked(kvm)) return @_twice(vcpu, false);\n\treturn @_twice(vcpu, true);",
    does: ["retry:1, return:-EIO", "kick-and-retry:1, return:-EIO", "return:-EIO"],
  },
  "what members say ends the loop": {
    body: "while (1) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) return err ? -EINVAL : 0;\n\t\tif (kvm->vm_dead) return -EIO;\n\t\tkvm->vm_dead = kvm->vm_bugged;\n\t\tkvm->vm_bugged = true;\n\t}",
    does: ["retry:2, return:-EIO"],
  },
  "what is counted on one way only": {
    body: "int n = vcpu->cpu;\n\n\twhile (1) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) return err ? -EINVAL : 0;\n\t\tif (pen_asked(kvm)) n--;\n\t\tif (n <= 0) return -EIO;\n\t}",
    does: ["return:-EIO", "retry:unbounded, return:-EIO", "unknown"],
  },
  "a loop without bound round another one": {
    before:
      "static int @_wait(struct kvm_vcpu *vcpu)\n{\n\tu64 err;\n\n\tdo {\n\t\terr = wr(1);\n\t\tif (tdx_operand_busy(err) && signal_pending(current)) return -EINTR;\n\t} while (tdx_operand_busy(err));\n\treturn 0;\n}\n",
    body: "int ret;\n\n\tdo {\n\t\tret = @_wait(vcpu);\n\t} while (ret == -EINTR && !pen_asked(kvm));\n\treturn ret;",
    does: ["return:-EINTR", "retry:unbounded, return:-EINTR"],
  },
  "a call that is given up at once on one way, and made again after a kick on another": {
    body: "bool kicked = false;\n\n\twhile (1) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) return 0;\n\t\tif (kicked || pen_asked(kvm)) return -EIO;\n\t\tkick();\n\t\tkicked = true;\n\t}",
    does: ["return:-EIO", "kick-and-retry:1, return:-EIO"],
  },
  "a call after the one that is made again after a kick": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\terr = wr(1);\n\t}\n\tif (err) return -EIO;\n\treturn wr(1) ? -EIO : 0;",
    does: ["kick-and-retry:1, return:-EIO", "return:-EIO"],
  },
  "data that a caller reads and that a failure makes something else is misread": {
    before:
      "static u64 @_read(struct kvm_vcpu *vcpu)\n{\n\tu64 data;\n\n\tif (rd(1, &data)) return 0;\n\treturn data;\n}\n",
    body: "pen_show(@_read(vcpu));\n\treturn 0;",
    does: ["misread"],
  },
  "a helper that says whether it failed is believed, and what its caller then does is what is done": {
    before:
      "static int @_try(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return -EIO;\n\treturn 0;\n}\n\nstatic bool @_ok(struct kvm_vcpu *vcpu)\n{\n\treturn !wr(2);\n}\n",
    body: "if (@_try(vcpu)) WARN_ON_ONCE(1);\n\tif (!@_ok(vcpu)) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["warn", "bug-vm"],
  },
  "a caller that looks at nothing ignores it, whatever the helper gives": {
    before: "static int @_try(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return -EIO;\n\treturn 0;\n}\n",
    body: "@_try(vcpu);\n\treturn 0;",
    does: ["ignore"],
  },
  "what depends on the phase is done in that phase": {
    body: "err = wr(1);\n\tif (!err) return 0;\n\tif (kvm->pre_fault_allowed) return -EBUSY;\n\tKVM_BUG_ON(err, kvm);\n\treturn -EIO;",
    does: ["bug-vm, return:-EIO", "return:-EBUSY"],
  },
  "what is written down of it and looked at later by the same function": {
    before:
      "struct @_kept { u64 err; };\n\nstatic void @_into(struct kvm_vcpu *vcpu, struct @_kept *kept)\n{\n\tkept->err = wr(1);\n}\n",
    body: "struct @_kept kept;\n\n\t@_into(vcpu, &kept);\n\tif (kept.err) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "another failure takes the place of the status": {
    body: "int ret = 0;\n\n\tif (wr(1)) ret = -EIO;\n\tif (ret) pen_show(1);\n\tret = pen_next_here() ? -ENOMEM : -EINVAL;\n\treturn ret;",
    does: ["ignore"],
  },
  "what is not decided by the status is not done about it": {
    body: "err = wr(1);\n\tWARN_ON_ONCE(pen_asked(kvm));\n\tif (err) return -EIO;\n\tif (pen_asked(kvm)) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "what one helper does only sometimes is not said to be done": {
    before: "static void @_sometimes(struct kvm *kvm)\n{\n\tif (pen_asked(kvm)) KVM_BUG_ON(1, kvm);\n}\n",
    body: "if (wr(1)) {\n\t\t@_sometimes(kvm);\n\t\treturn -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a status that is kept in a structure of all, and that nobody is seen to look at": {
    body: "to_tdx(vcpu)->vp_enter_ret = wr(1);\n\treturn 0;",
    does: ["unknown"],
  },
  "a status as a truth is one": {
    body: "err = wr(1);\n\tif ((bool)err == true) return -EIO;\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "the lower half of a status has no sign of it": {
    body: "err = wr(1);\n\tif ((int)err < 0) return -EIO;\n\tif (err) return -EBUSY;\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "an error that is cast to a wider type is the same": {
    body: "int ret = wr(1) ? -EIO : 0;\n\n\tif ((long)ret == -EIO) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "an error that is cast to a type without a sign is none": {
    body: "int ret = wr(1) ? -EIO : 0;\n\n\tif ((u32)ret > 100) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "what is computed has a type of its own": {
    body: "u8 left = wr(1) ? 0 : 1;\n\n\tif ((u32)(left - 1) > 100) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "a status that is handed on as a number is an answer to nobody that is seen": {
    body: "return (int)wr(1);",
    does: ["unknown"],
  },
  "a negative number that is no error is none": {
    body: "return wr(1) ? -5000 : 0;",
    does: ["unknown"],
  },
  "a positive answer is an answer, but not an error": {
    body: "return wr(1) ? 1 : 0;",
    does: ["unknown"],
  },
  "data of a failure that are what they are without one": {
    before: "static u64 @_same(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return 7;\n\treturn 7;\n}\n",
    body: "pen_show(@_same(vcpu));\n\treturn 0;",
    does: ["ignore"],
  },
  "data that say that there are none": {
    before:
      "static struct tdx_vp *@_page(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return NULL;\n\treturn &to_tdx(vcpu)->vp;\n}\n",
    body: "if (!@_page(vcpu)) return -ENOMEM;\n\treturn 0;",
    does: ["return:-ENOMEM"],
  },
  "a status beside which another function leaves something in what it was given": {
    before: "static int @_both(struct kvm_vcpu *vcpu, int *kept)\n{\n\t*kept = wr(1) ? 1 : 0;\n\treturn 0;\n}\n",
    body: "int kept = 0;\n\n\tif (@_both(vcpu, &kept)) return -EBUSY;\n\tif (kept) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["bug-vm"],
  },
  "two kicks and a warning between tries": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tWARN_ON_ONCE(1);\n\t\tkick();\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["warn, kick-and-retry:1, return:-EIO"],
  },
  "tries before the kick are tries of their own": {
    body: "for (i = 0; i < 3; i++) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) return 0;\n\t}\n\tkick();\n\terr = wr(1);\n\treturn err ? -EIO : 0;",
    does: ["retry:2, kick-and-retry:1, return:-EIO"],
  },
  "a kick keeps nobody out where nothing bars whoever was kicked": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\trequest(OUTSIDE_GUEST_MODE);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "nor where they are barred after it": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\trequest(OUTSIDE_GUEST_MODE);\n\t\tbar(true);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "nor where they may be barred": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tbar(pen_next_here());\n\t\trequest(OUTSIDE_GUEST_MODE);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "nor where they are let in before the call is made again": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\tbar(false);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "nor where a helper may let them in": {
    before: "static void @_in(struct kvm_vcpu *vcpu)\n{\n\tif (pen_asked(vcpu->kvm)) bar(false);\n}\n",
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\t@_in(vcpu);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:1, return:-EIO", "retry:1, return:-EIO", "return:-EIO"],
  },
  "nor where the kick does not wait for them": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tbar(true);\n\t\trequest(UNBLOCK);\n\t\terr = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "what is tried once they are let in again is a try of its own": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\tkick();\n\t\terr = wr(1);\n\t\tbar(false);\n\t\tif (tdx_operand_busy(err)) err = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:1, retry:1, return:-EIO", "return:-EIO"],
  },
  "helpers that bar and kick, and that let in": {
    before:
      "static void @_out(struct kvm_vcpu *vcpu)\n{\n\tkick();\n}\n\nstatic void @_in(struct kvm_vcpu *vcpu)\n{\n\tbar(false);\n}\n",
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\t@_out(vcpu);\n\t\terr = wr(1);\n\t\t@_in(vcpu);\n\t\tif (tdx_operand_busy(err)) err = wr(1);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["kick-and-retry:1, retry:1, return:-EIO", "return:-EIO"],
  },
  "a loop that keeps them out and lets them in again comes to an end": {
    body: "err = wr(1);\n\tif (tdx_operand_busy(err)) {\n\t\twhile (pen_asked(kvm)) {\n\t\t\tkick();\n\t\t\tbar(false);\n\t\t}\n\t\treturn -EBUSY;\n\t}\n\treturn err ? -EIO : 0;",
    does: ["return:-EBUSY"],
  },
  "a function that has its callers try again says so by one value": {
    before: "static int @_once(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1) ? 1 : 0;\n}\n",
    body: "while (@_once(vcpu));\n\treturn 0;",
    does: ["refault"],
  },
  "and by no other": {
    before: "static int @_once(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1) ? -EIO : 1;\n}\n",
    body: "return @_once(vcpu);",
    does: ["return:-EIO"],
  },
  "an error that is handed on as a pointer": {
    before:
      "static struct tdx_vp *@_page(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return ERR_PTR(-EIO);\n\treturn &to_tdx(vcpu)->vp;\n}\n",
    body: "if (IS_ERR(@_page(vcpu))) return -EBUSY;\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "a pointer to anything that is handed on, or an error": {
    before:
      "static void *@_page(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return ERR_PTR(-EIO);\n\treturn &to_tdx(vcpu)->vp;\n}\n",
    body: "if (IS_ERR(@_page(vcpu))) return -EBUSY;\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "a pointer to anything that is another one because of it": {
    before: "static void *@_page(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return vcpu;\n\treturn ERR_PTR(-EIO);\n}\n",
    body: "if (IS_ERR(@_page(vcpu))) return 0;\n\treturn -EBUSY;",
    does: ["return:-EBUSY"],
  },
  "a number that a pointer to it leads to": {
    before: "static int *@_count(struct kvm_vcpu *vcpu)\n{\n\tif (wr(1)) return NULL;\n\treturn &vcpu->cpu;\n}\n",
    body: "if (!@_count(vcpu)) return -EBUSY;\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "what a function that was not read makes of it may say either": {
    before: "static int @_made(struct kvm_vcpu *vcpu)\n{\n\treturn pen_not_read(wr(1));\n}\n",
    body: "if (@_made(vcpu)) return -EBUSY;\n\treturn 0;",
    does: ["ignore", "return:-EBUSY"],
  },
  "how often it is repeated is known, whatever is done between tries": {
    body: "for (i = 0; i < 12; i++) {\n\t\terr = wr(1);\n\t\tif (!tdx_operand_busy(err)) break;\n\t\tif (pen_asked(kvm)) pen_show(1);\n\t}\n\treturn err ? -EAGAIN : 0;",
    does: ["retry:11, return:-EAGAIN"],
  },
  "a call in a loop may give BUSY in any round": {
    body: "for (i = 0; i < 3; i++) {\n\t\tif (wr(1)) return i > 0 ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY"],
  },
  "what it leaves behind in a later round": {
    body: "bool any = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tif (wr(1)) {\n\t\t\tif (any) KVM_BUG_ON(1, kvm);\n\t\t\treturn -EIO;\n\t\t}\n\t\tany = true;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "bug-vm, return:-EIO"],
  },
  "a helper that a loop calls, in any round": {
    before: "static int @_one(struct kvm_vcpu *vcpu)\n{\n\treturn wr(1) ? -EIO : 0;\n}\n",
    body: "for (i = 0; i < 3; i++) {\n\t\tif (@_one(vcpu)) return i ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY"],
  },
  "a round after one that was left out": {
    body: "for (i = 0; i < 3; i++) {\n\t\tif (i == 0) continue;\n\t\tif (wr(1)) return i ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "a loop of one round has no later one": {
    body: "int most = min_t(int, vcpu->cpu, 1);\n\n\tfor (i = 0; i < most; i++) {\n\t\tif (wr(1)) return i ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "nor has one that counts down from one": {
    body: "for (i = 1; i > 0; i--) {\n\t\tif (wr(1)) return i == 1 ? -EIO : -EBUSY;\n\t}\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "tries in each round": {
    body: "for (i = 0; i < 3; i++) {\n\t\tint tries;\n\n\t\tfor (tries = 0; tries < 2; tries++) {\n\t\t\terr = wr(1);\n\t\t\tif (!tdx_operand_busy(err)) break;\n\t\t}\n\t\tif (err) return i ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["retry:1, return:-EIO", "retry:1, return:-EBUSY"],
  },
  "a round after one that ended in another failure": {
    body: "bool again = false;\n\n\twhile (1) {\n\t\terr = wr(1);\n\t\tif (tdx_operand_busy(err)) return again ? -EBUSY : -EIO;\n\t\tif (!err) return 0;\n\t\tagain = true;\n\t}",
    does: ["return:-EIO", "return:-EBUSY"],
  },
  "a round after one that gave BUSY, too, is a repetition and no later one": {
    body: "bool again = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\terr = wr(1);\n\t\tif (tdx_operand_busy(err)) return again ? -EBUSY : -EIO;\n\t\tagain = tdx_operand_busy(err);\n\t}\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "nor is it where a helper gives it": {
    before:
      "static int @_one(struct kvm_vcpu *vcpu)\n{\n\tu64 err = wr(1);\n\n\tif (tdx_operand_busy(err)) return -EBUSY;\n\treturn err ? -EIO : 0;\n}\n",
    body: "bool again = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu);\n\n\t\tif (ret == -EBUSY) return again ? -EINVAL : -EBUSY;\n\t\tagain = ret == -EBUSY;\n\t}\n\treturn 0;",
    does: ["return:-EBUSY"],
  },
  "a call that a loop makes itself, in any round, and tries again": {
    body: "struct tdx_module_args args = {};\n\tu64 busy;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint tries;\n\n\t\tfor (tries = 0; tries < 2; tries++) {\n\t\t\terr = __seamcall(TDH_VP_WR, &args);\n\t\t\tbusy = err & TDX_SEAMCALL_STATUS_MASK;\n\t\t\tif (busy != TDX_OPERAND_BUSY) break;\n\t\t}\n\t\tif (err) return i ? -EBUSY : -EIO;\n\t}\n\treturn 0;",
    does: ["retry:1, return:-EIO", "retry:1, return:-EBUSY"],
  },
  "what an earlier round may have given in the phase": {
    before:
      "static int @_one(struct kvm_vcpu *vcpu)\n{\n\tu64 err = wr(1);\n\n\tif (tdx_operand_busy(err)) return -EBUSY;\n\treturn vcpu->kvm->pre_fault_allowed ? -EIO : 0;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu);\n\n\t\tif (ret == -EBUSY) return seen ? -EINVAL : -EBUSY;\n\t\tseen = ret == -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EBUSY", "return:-EINVAL"],
  },
  "what an earlier round may have given in another phase": {
    before:
      "static int @_one(struct kvm_vcpu *vcpu)\n{\n\tu64 err = wr(1);\n\n\tif (tdx_operand_busy(err)) return -EBUSY;\n\treturn vcpu->kvm->pre_fault_allowed ? 0 : -EIO;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu);\n\n\t\tif (ret == -EBUSY) return seen ? -EINVAL : -EBUSY;\n\t\tseen = ret == -EIO;\n\t}\n\treturn 0;",
    does: ["return:-EBUSY", "return:-EINVAL"],
  },
  "an earlier round in which the same helper gave BUSY at another place": {
    before:
      "static int @_write(struct kvm_vcpu *vcpu)\n{\n\treturn tdx_operand_busy(wr(1)) ? -EAGAIN : 0;\n}\n\nstatic int @_one(struct kvm_vcpu *vcpu, int round)\n{\n\tif (@_write(vcpu)) return -EIO;\n\treturn @_write(vcpu) ? -EBUSY : 0;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu, i);\n\n\t\tif (ret == -EIO) return seen ? -EINVAL : -EIO;\n\t\tif (ret == -EBUSY) seen = true;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EINVAL", "ignore"],
  },
  "an earlier round in which the helper gave BUSY with another lock held": {
    before:
      "static int @_write(struct kvm_vcpu *vcpu)\n{\n\treturn tdx_operand_busy(wr(1)) ? -EAGAIN : 0;\n}\n\nstatic int @_one(struct kvm_vcpu *vcpu, int round)\n{\n\tint ret;\n\n\tif (pen_asked(vcpu->kvm)) {\n\t\tmutex_lock(&vcpu->kvm->slots_lock);\n\t\tret = @_write(vcpu);\n\t\tmutex_unlock(&vcpu->kvm->slots_lock);\n\t\treturn ret ? -EBUSY : 0;\n\t}\n\treturn @_write(vcpu) ? -EIO : 0;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu, i);\n\n\t\tif (ret == -EIO) return seen ? -EINVAL : -EIO;\n\t\tif (ret == -EBUSY) seen = true;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EINVAL", "ignore"],
  },
  "two calls that end alike, and that an earlier round tells apart": {
    before:
      "static int @_one(struct kvm_vcpu *vcpu, int round)\n{\n\tif (pen_asked(vcpu->kvm)) {\n\t\tif (!tdx_operand_busy(wr(1))) return 0;\n\t\tif (pen_next_here()) return -EIO;\n\t\tWARN_ON_ONCE(1);\n\t\treturn 1;\n\t}\n\tif (!tdx_operand_busy(wr(2))) return 0;\n\tif (pen_next_here()) return -EIO;\n\tWARN_ON_ONCE(1);\n\treturn 2;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu, i);\n\n\t\tif (ret < 0) return seen ? -EBUSY : -EIO;\n\t\tif (ret == 1) seen = true;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY", "warn", "warn, return:-EIO", "warn, return:-EBUSY"],
  },
  "two calls that end alike, and that an earlier round tells apart the other way": {
    before:
      "static int @_one(struct kvm_vcpu *vcpu, int round)\n{\n\tif (pen_asked(vcpu->kvm)) {\n\t\tif (!tdx_operand_busy(wr(1))) return 0;\n\t\tif (pen_next_here()) return -EIO;\n\t\tWARN_ON_ONCE(1);\n\t\treturn 1;\n\t}\n\tif (!tdx_operand_busy(wr(2))) return 0;\n\tif (pen_next_here()) return -EIO;\n\tWARN_ON_ONCE(1);\n\treturn 2;\n}\n",
    body: "bool seen = false;\n\n\tfor (i = 0; i < 3; i++) {\n\t\tint ret = @_one(vcpu, i);\n\n\t\tif (ret < 0) return seen ? -EBUSY : -EIO;\n\t\tif (ret == 2) seen = true;\n\t}\n\treturn 0;",
    does: ["return:-EIO", "return:-EBUSY", "warn", "warn, return:-EIO", "warn, return:-EBUSY"],
  },
  "two calls that end alike, and that success tells apart": {
    before:
      "static int @_into(struct kvm_vcpu *vcpu, u64 *data)\n{\n\t*data = 0;\n\tif (wr(1)) return -EIO;\n\tif (wr(2)) return -EIO;\n\t*data = 5;\n\treturn 0;\n}\n\nstatic u64 @_read(struct kvm_vcpu *vcpu)\n{\n\tu64 data = 9;\n\n\tif (@_into(vcpu, &data)) return 0;\n\treturn data;\n}\n",
    body: "if (!@_read(vcpu)) return -ENOMEM;\n\treturn 0;",
    does: ["misread", "return:-ENOMEM"],
  },
  "what a loop gives back in a later round": {
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\n\tfor (i = 0; i < 3; i++) {\n\t\tif (wr(1)) {\n\t\t\tif (i) __free_page(page);\n\t\t\treturn -EIO;\n\t\t}\n\t}\n\t__free_page(page);\n\treturn 0;",
    does: ["return:-EIO"],
  },
  "a result that a call is given to fill is filled by hand": {
    before: "static int @_fill(struct kvm_vcpu *vcpu, u64 *data)\n{\n\treturn rd(1, data) ? -EIO : 0;\n}\n",
    body: "u64 data;\n\n\tif (@_fill(vcpu, &data)) data = 0;\n\tpen_show(data);\n\treturn 0;",
    does: ["misread"],
  },
  "an error that is put there instead is no result": {
    before: "static int @_fill(struct kvm_vcpu *vcpu, long *data)\n{\n\treturn rd(1, data) ? -EIO : 0;\n}\n",
    body: "long data;\n\n\tif (@_fill(vcpu, &data)) data = -EBUSY;\n\treturn data;",
    does: ["return:-EBUSY"],
  },
  "another call of the same function is no repetition": {
    before:
      "static int @_set(struct kvm_vcpu *vcpu, int which)\n{\n\treturn tdh_vp_wr(&to_tdx(vcpu)->vp, which, 0) ? -EIO : 0;\n}\n",
    body: "if (@_set(vcpu, 1) && @_set(vcpu, 2)) KVM_BUG_ON(1, kvm);\n\treturn 0;",
    does: ["ignore", "bug-vm"],
  },
  "the same call with an argument that was set anew is a repetition": {
    body: "int which = 1;\n\n\terr = tdh_vp_wr(&to_tdx(vcpu)->vp, which, 0);\n\tif (tdx_operand_busy(err)) {\n\t\twhich = 1;\n\t\terr = tdh_vp_wr(&to_tdx(vcpu)->vp, which, 0);\n\t}\n\treturn err ? -EIO : 0;",
    does: ["retry:1, return:-EIO", "return:-EIO"],
  },
  "so is one with an argument of which a test has told something since": {
    body: "int which = pen_next_here();\n\n\twhile (tdx_operand_busy(tdh_vp_wr(&to_tdx(vcpu)->vp, which, 0)))\n\t\tif (which) pen_show(1);\n\treturn 0;",
    does: ["retry:unbounded"],
  },
  "one whose argument may come to be what it was is a repetition, or none": {
    body: "int which = 1;\n\n\twhile (1) {\n\t\terr = tdh_vp_wr(&to_tdx(vcpu)->vp, which, 0);\n\t\tif (!tdx_operand_busy(err)) return 0;\n\t\tKVM_BUG_ON(1, kvm);\n\t\twhich = pen_asked(kvm) ? 1 : 2;\n\t}",
    does: ["bug-vm", "retry:unbounded, bug-vm"],
  },
  "one whose argument is stepped on is none, though nothing else is known of it": {
    body: "for (i = 0; i < vcpu->cpu; i++) {\n\t\terr = tdh_vp_wr(&to_tdx(vcpu)->vp, i, 0);\n\t\tif (tdx_operand_busy(err)) KVM_BUG_ON(1, kvm);\n\t}\n\treturn 0;",
    does: ["bug-vm"],
  },
  "what a function gives back for it is given back": {
    before: "static void @_back(struct page *page)\n{\n\t__free_page(page);\n}\n",
    body: "struct page *page = alloc_page(GFP_KERNEL);\n\n\terr = wr(1);\n\tif (err) {\n\t\t@_back(page);\n\t\treturn -EIO;\n\t}\n\t__free_page(page);\n\treturn 0;",
    does: ["return:-EIO"],
  },
};

const names = Object.keys(CASES);
const steps = stepsOf();

/** A call that a function makes: what is done about its BUSY, and the line where it stands. */
interface Step {
  readonly does: readonly string[];
  readonly line: number;
}

/** The tree with all functions, and the calls of each. */
function stepsOf(): readonly (readonly Step[])[] {
  cpSync(SMALL_TREE, folder, { recursive: true });
  const plain = readFileSync(join(folder, FILE), "utf8");
  const functions = names.map((name, i) => {
    const { before = "", body } = CASES[name] as Case;
    const own = (text: string): string =>
      text
        .replaceAll("@", `way${i}`)
        .replace(/\bwr\((\d+)\)/g, "tdh_vp_wr(&to_tdx(vcpu)->vp, $1, 0)")
        .replace(/\brd\((\d+), /g, "tdh_vp_rd(&to_tdx(vcpu)->vp, $1, ")
        .replace(/\bkick\(\);/g, "{ bar(true); request(OUTSIDE_GUEST_MODE); }")
        .replace(/\bbar\((\w+)\)/g, "WRITE_ONCE(to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap, $1)")
        .replace(/\brequest\((\w+)\)/g, "kvm_make_all_cpus_request(vcpu->kvm, KVM_REQ_$1)");
    const head = `static int way${i}(struct kvm_vcpu *vcpu)\n{\n\tstruct kvm *kvm = vcpu->kvm;\n\tu64 err;\n\tint i;\n`;
    return `#define KVM_PEN_WAY${i} ${0x9000 + i}\n${own(before)}\n${head}\n\t${own(body)}\n}\n`;
  });
  const commands = names.map((_, i) => `\tcase KVM_PEN_WAY${i}:\n\t\treturn way${i}(vcpu);\n`).join("");
  const [head = "", rest = ""] = plain.split("int tdx_vcpu_ioctl(");
  const dispatch = rest.replace("\tcase KVM_PEN_SELF:", `${commands}\tcase KVM_PEN_SELF:`);
  writeFileSync(join(folder, FILE), `${head}${functions.join("\n")}\nint tdx_vcpu_ioctl(${dispatch}`);
  const small = parse(smallRules()) as KernelRules;
  const paths = names.map((_, i) => ({
    name: `way ${i}`,
    when: { entry: ["kvm_vcpu_ioctl"], labels: [`KVM_PEN_WAY${i}`] },
    per: "vcpu",
  }));
  const once = names.map((_, i) => [`way${i}_once`, { gives: "1", does: "refault" }] as const);
  const frees = [...small.busy.frees, ...names.map((_, i) => `way${i}_drop`)];
  const busy = { ...small.busy, frees, again: { ...small.busy.again, ...Object.fromEntries(once) } };
  const rules = parseKernelRules(stringify({ ...small, busy, paths: [...paths, ...small.paths] }), "small rules");
  const { profile } = extractHost(folder, { rules });
  return names.map((_, i) =>
    profile.paths
      .filter(({ name }) => name === `way ${i}`)
      .flatMap((path) =>
        path.steps.map(({ onBusy = [], evidence }) => ({
          does: onBusy.map((clause) => clause.do.join(", ")),
          line: evidence?.at(-1)?.line ?? 0,
        })),
      ),
  );
}

describe("what is done about a BUSY", () => {
  const numbered = names.map((name, i) => [name, i] as const);

  test.each(numbered)("%s", (name, i) => {
    expect([...new Set(steps[i]?.flatMap(({ does }) => does))].sort()).toEqual([...(CASES[name] as Case).does].sort());
  });

  test("each call of a function has its own", () => {
    const found = steps[names.indexOf("calls of one function that end in different ways")] ?? [];
    const lineOf = (wanted: string): number => found.find(({ does }) => does.includes(wanted))?.line ?? 0;
    expect(lineOf("return:-EBUSY")).toBe(lineOf("return:-EIO") + 1);
  });
});
