/* KVM's side of the small kernel: one case per idiom. A comment with an at sign and a name at a call is its name in expected.json. */
#include "tdx.h"

static DEFINE_MUTEX(tdx_lock);

/* Macros that hide control flow. */
#define PEN_BUG_ON(err, kvm)							\
({										\
	bool __failed = !!(err);						\
										\
	if (WARN_ON_ONCE(__failed && (!(kvm) || !((struct kvm *)(kvm))->vm_bugged))) {	\
		if (kvm)							\
			kvm_vm_bugged(kvm);					\
	}									\
	unlikely(__failed);							\
})

/* Calls its first argument; again, with every vCPU kept out, if the first try was busy. */
#define pen_with_vcpus_out(func, kvm, args...)					\
({										\
	struct kvm_tdx *__tdx = to_kvm_tdx(kvm);				\
	u64 __err;								\
										\
	lockdep_assert_held_write(&(kvm)->mmu_lock);				\
										\
	__err = func(args);							\
	if (unlikely(tdx_operand_busy(__err))) {				\
		WRITE_ONCE(__tdx->wait_for_sept_zap, true);			\
		kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE_GUEST_MODE);	\
		__err = func(args);						\
		WRITE_ONCE(__tdx->wait_for_sept_zap, false);			\
	}									\
	__err;									\
})

void pen_read_failed(struct vcpu_tdx *tdx, u32 field, u64 err)
{
	KVM_BUG_ON(1, tdx->vcpu.kvm);
	pr_err("read of 0x%x failed: 0x%llx\n", field, err);
}

void pen_write_failed(struct vcpu_tdx *tdx, u32 field, u64 err)
{
	KVM_BUG_ON(1, tdx->vcpu.kvm);
	pr_err("write of 0x%x failed: 0x%llx\n", field, err);
}

/* ---- how a lock is taken ---- */

static int pen_plain(struct kvm *kvm)
{
	u64 data;
	int ret = 0;

	mutex_lock(&kvm->lock);
	if (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data)) /* @plain */
		ret = -EIO;
	mutex_unlock(&kvm->lock);

	if (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data)) /* @after-unlock */
		ret = -EIO;
	return ret;
}

static int pen_killable(struct kvm *kvm)
{
	u64 data;
	int ret;

	if (mutex_lock_killable(&kvm->slots_lock))
		return -EINTR;
	ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @killable */
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

static int pen_try(struct kvm *kvm)
{
	u64 data;
	int ret;

	if (!mutex_trylock(&kvm->lock))
		return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : -EBUSY; /* @try-failed */
	ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data) ? -EIO : 0; /* @try-held */
	mutex_unlock(&kvm->lock);
	return ret;
}

static int pen_guard(struct kvm *kvm)
{
	u64 data;

	guard(mutex)(&kvm->lock);
	if (kvm->vm_bugged)
		return -EIO;
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @guard */
}

static int pen_loop_guard(struct kvm *kvm)
{
	u64 data, again;

	do {
		guard(read_lock)(&kvm->mmu_lock);

		again = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @guard-in-loop */
	} while (again == TDX_INTERRUPTED_RESUMABLE);

	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data) ? -EIO : 0; /* @after-loop-guard */
}

static int pen_scoped(struct kvm *kvm)
{
	u64 data;

	scoped_guard(write_lock, &kvm->mmu_lock) {
		if (tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data)) /* @scoped-guard */
			return -EIO;
	}
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data) ? -EIO : 0; /* @after-scoped-guard */
}

static int pen_srcu(struct kvm *kvm)
{
	u64 data;

	guard(srcu)(&kvm->srcu);
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @guard-srcu */
}

/* Takes what its caller has, and drops it again. */
static void pen_srcu_again(struct kvm *kvm)
{
	int idx = srcu_read_lock(&kvm->srcu);

	srcu_read_unlock(&kvm->srcu, idx);
}

static int pen_nested_srcu(struct kvm *kvm)
{
	int outer, inner, ret;
	u64 data;

	outer = srcu_read_lock(&kvm->srcu);
	inner = srcu_read_lock(&kvm->srcu);
	srcu_read_unlock(&kvm->srcu, inner);
	pen_srcu_again(kvm);
	ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @nested-srcu */
	srcu_read_unlock(&kvm->srcu, outer);
	return ret;
}

static int pen_rwsem(struct kvm *kvm)
{
	u64 data;

	guard(rwsem_write)(&kvm->gate_sem);
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @guard-rwsem */
}

/* A class whose acquire function may fail, and takes one lock of every vCPU in a loop in another function. */
static int pen_lock_all(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i, j;
	int r;

	lockdep_assert_held(&kvm->lock);

	kvm_for_each_vcpu(i, vcpu, kvm) {
		r = mutex_lock_killable_nest_lock(&vcpu->mutex, &kvm->lock);
		if (r)
			goto undo;
	}
	return 0;

undo:
	kvm_for_each_vcpu(j, vcpu, kvm) {
		if (i == j)
			break;
		mutex_unlock(&vcpu->mutex);
	}
	return r;
}

static void pen_unlock_all(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		mutex_unlock(&vcpu->mutex);
}

typedef void *pen_state_t;

static pen_state_t pen_acquire(struct kvm *kvm)
{
	int r;

	mutex_lock(&kvm->lock);
	r = pen_lock_all(kvm);
	if (r) {
		mutex_unlock(&kvm->lock);
		return ERR_PTR(r);
	}
	mutex_lock(&kvm->slots_lock);
	return kvm;
}

static void pen_release(struct kvm *kvm)
{
	mutex_unlock(&kvm->slots_lock);
	pen_unlock_all(kvm);
	mutex_unlock(&kvm->lock);
}

DEFINE_CLASS(pen_state, pen_state_t, if (!IS_ERR(_T)) pen_release(_T), pen_acquire(kvm), struct kvm *kvm);

static int pen_class(struct kvm *kvm)
{
	u64 data;

	CLASS(pen_state, held)(kvm);
	if (IS_ERR(held)) {
		tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @class-failed */
		return PTR_ERR(held);
	}
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data) ? -EIO : 0; /* @class-held */
}

/* Whose VM a vCPU is of is known of every vCPU: the NULL that PEN_BUG_ON allows for is none. */
static void pen_flush_vcpu(struct kvm_vcpu *vcpu)
{
	u64 err = tdh_vp_flush(&to_tdx(vcpu)->vp); /* @flush-each */

	PEN_BUG_ON(err, vcpu->kvm);
}

static int pen_flush_each(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		pen_flush_vcpu(vcpu);
	return 0;
}

static int pen_scoped_class(struct kvm *kvm)
{
	u64 data;

	scoped_class(pen_state, held, kvm) {
		if (IS_ERR(held))
			return PTR_ERR(held);
		tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @scoped-class */
	}
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data) ? -EIO : 0; /* @after-scoped-class */
}

static int pen_all(struct kvm *kvm)
{
	u64 data;
	int ret;

	mutex_lock(&kvm->lock);
	ret = pen_lock_all(kvm);
	if (ret)
		goto out;
	ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @loop-over-vcpus */
	pen_unlock_all(kvm);
out:
	mutex_unlock(&kvm->lock);
	return ret;
}

/* The lock of another vCPU than the one that the caller has. */
static int pen_other(struct kvm *kvm)
{
	struct kvm_vcpu *one = kvm_get_vcpu(kvm, 0);
	int ret;

	mutex_lock(&one->mutex);
	ret = tdh_vp_wr(&to_tdx(one)->vp, 1, 2) ? -EIO : 0; /* @other-instance */
	mutex_unlock(&one->mutex);
	return ret;
}

/* Held on one way only: two rows. */
static int pen_one_branch(struct kvm *kvm)
{
	u64 data;
	int ret;

	if (kvm->nr_vcpus)
		mutex_lock(&kvm->slots_lock);
	ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @one-branch */
	if (kvm->nr_vcpus)
		mutex_unlock(&kvm->slots_lock);
	return ret;
}

/* Held wherever the call is, for the same flag guards both: one row. */
static int pen_paired(struct kvm *kvm, bool locked)
{
	u64 data;
	int ret = 0;

	if (locked)
		mutex_lock(&kvm->slots_lock);
	pen_breathe(kvm);
	if (locked) {
		ret = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @paired */
		mutex_unlock(&kvm->slots_lock);
	}
	return ret;
}

/* Taken by the caller, given back by the callee. */
static void pen_give_back(struct kvm *kvm)
{
	mutex_unlock(&kvm->slots_lock);
}

static int pen_handed_over(struct kvm *kvm)
{
	u64 data;

	mutex_lock(&kvm->lock);
	mutex_lock(&kvm->slots_lock);
	pen_give_back(kvm);
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @given-back-by-callee */
	mutex_unlock(&kvm->lock);
	return 0;
}

/* Dropped and taken again by a callee: held after it, not inside. */
static void pen_drop_and_retake(struct kvm *kvm)
{
	u64 data;

	write_unlock(&kvm->mmu_lock);
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @dropped */
	write_lock(&kvm->mmu_lock);
}

static int pen_yield(struct kvm *kvm)
{
	u64 data;

	write_lock(&kvm->mmu_lock);
	cond_resched_rwlock_write(&kvm->mmu_lock);
	pen_drop_and_retake(kvm);
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 2, &data); /* @retaken */
	write_unlock(&kvm->mmu_lock);
	return 0;
}

/* Calls itself, at most twice. */
static int pen_recursive(struct kvm *kvm, int depth)
{
	u64 data;

	if (depth > 0)
		return pen_recursive(kvm, depth - 1);
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @recursive */
}

/* ---- lockdep ---- */

/* Nobody on the way takes it, but lockdep is told that it is held. */
static int pen_asserted(struct kvm *kvm)
{
	u64 data;

	lockdep_assert_held(&kvm->slots_lock); /* @assert-not-derived */
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data) ? -EIO : 0; /* @asserted */
}

/* Nobody in the tree calls it, and it says itself what whoever calls it holds. */
void pen_from_outside(struct kvm *kvm)
{
	u64 data;

	lockdep_assert_held(&kvm->slots_lock); /* @entry-asserts */
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @asserted-by-entry */
}

/* The same of interrupts; on the way on which it does not turn them on they are off. */
void pen_suspended(struct kvm *kvm)
{
	u64 data;

	lockdep_assert_irqs_disabled();
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @off-by-entry */
	if (pen_asked(kvm))
		local_irq_enable();
	tdh_mem_track(&to_kvm_tdx(kvm)->td); /* @perhaps-on */
}

/* What is restored is as it was when the function was called. */
static int pen_irqs(struct kvm *kvm)
{
	unsigned long flags;
	u64 err, data;

	local_irq_save(flags);
	err = tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @saved */
	local_irq_restore(flags);
	return err || tdh_mem_track(&to_kvm_tdx(kvm)->td) ? -EIO : 0; /* @restored */
}

/* Asked to be held for writing while it is held for reading: no way leads to the call. */
static int pen_wrong_mode(struct kvm *kvm)
{
	u64 data;

	read_lock(&kvm->mmu_lock);
	lockdep_assert_held_write(&kvm->mmu_lock);
	tdh_mng_rd(&to_kvm_tdx(kvm)->td, 1, &data); /* @wrong-mode */
	read_unlock(&kvm->mmu_lock);
	return 0;
}

/* ---- life of a TD: gates and phases ---- */

static void pen_wb_on_cpu(void *unused)
{
	u64 err = 0;
	int i;

	for (i = PEN_RETRIES; i > 0; i--) {
		err = tdh_phymem_cache_wb(!!err); /* @ipi-all */
		if (err != TDX_INTERRUPTED_RESUMABLE)
			break;
	}
	PEN_BUG_ON(err, NULL);
}

static void pen_reclaim(struct kvm_tdx *kvm_tdx)
{
	if (is_hkid_assigned(kvm_tdx))
		return;
	if (PEN_BUG_ON(tdh_phymem_page_reclaim(kvm_tdx->td.tdr_page), NULL)) /* @reclaim */
		return;
	__free_page(kvm_tdx->td.tdr_page);
	kvm_tdx->td.tdr_page = NULL;
}

static void tdx_hkid_free(struct kvm_tdx *kvm_tdx)
{
	kvm_tdx->hkid = -1;
}

void tdx_release(struct kvm *kvm)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	u64 err;

	if (!is_hkid_assigned(kvm_tdx))
		return;

	cpus_read_lock();
	mutex_lock(&tdx_lock);
	on_each_cpu(pen_wb_on_cpu, NULL, true);
	err = tdh_mng_key_freeid(&kvm_tdx->td); /* @key-freeid */
	if (!PEN_BUG_ON(err, kvm))
		tdx_hkid_free(kvm_tdx);
	mutex_unlock(&tdx_lock);
	cpus_read_unlock();
}

/* The way out of a failed start runs what the end of a VM runs, in the phase of the start and under its lock. */
static int pen_init(struct kvm *kvm)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	u64 err;
	int ret;

	guard(mutex)(&kvm->lock);
	if (kvm_tdx->state != TD_STATE_UNINITIALIZED)
		return -EINVAL;

	kvm_tdx->hkid = pen_key_alloc();
	kvm_tdx->td.tdr_page = alloc_page(GFP_KERNEL);
	if (!kvm_tdx->td.tdr_page)
		return -ENOMEM;

	mutex_lock(&tdx_lock);
	err = tdh_mng_create(&kvm_tdx->td); /* @init-create */
	mutex_unlock(&tdx_lock);
	if (PEN_BUG_ON(err, kvm))
		return -EIO;

	err = tdh_mng_init(&kvm_tdx->td); /* @init-init */
	if (WARN_ON_ONCE(err)) {
		ret = -EIO;
		goto teardown;
	}
	kvm_tdx->state = TD_STATE_INITIALIZED;
	return 0;

teardown:
	tdx_release(kvm);
	pen_reclaim(kvm_tdx);
	return ret;
}

static int pen_finalize(struct kvm *kvm)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	u64 err;

	guard(mutex)(&kvm->lock);
	guard(mutex)(&kvm->slots_lock);
	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx->state != TD_STATE_INITIALIZED)
		return -EINVAL;

	err = tdh_mr_finalize(&kvm_tdx->td); /* @finalize */
	if (tdx_operand_busy(err))
		return -EBUSY;
	if (KVM_BUG_ON(err, kvm))
		return -EIO;

	kvm_tdx->state = TD_STATE_RUNNABLE;
	smp_wmb();
	kvm->pre_fault_allowed = true;
	return 0;
}

/* The gate is read without a lock that finalize takes: a run lasts into the next phase. */
static int pen_build(struct kvm_vcpu *vcpu)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(vcpu->kvm);
	struct vcpu_tdx *tdx = to_tdx(vcpu);

	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx->state == TD_STATE_RUNNABLE)
		return -EINVAL;
	if (tdh_vp_wr(&tdx->vp, 1, 2)) /* @gate-overrun */
		return -EIO;
	tdx->state = VCPU_TD_STATE_INITIALIZED;
	return 0;
}

/* Under such a lock: it does not. */
static int pen_build_locked(struct kvm_vcpu *vcpu)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(vcpu->kvm);

	guard(mutex)(&vcpu->kvm->slots_lock);
	if (!is_hkid_assigned(kvm_tdx) || kvm_tdx->state == TD_STATE_RUNNABLE)
		return -EINVAL;
	return tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 3) ? -EIO : 0; /* @gate-held */
}

/* ---- reactions, one after the other ---- */

static int pen_reactions(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;
	struct tdx_vp *vp = &to_tdx(vcpu)->vp;
	u64 err, data;
	int i;

	tdh_vp_wr(vp, 1, 0); /* @busy-ignore */

	WARN_ON_ONCE(tdh_vp_wr(vp, 2, 0)); /* @busy-warn */

	KVM_BUG_ON(tdh_vp_wr(vp, 3, 0), kvm); /* @busy-bug */

	for (i = 0; i < PEN_RETRIES; i++) {
		err = tdh_vp_wr(vp, 4, 0); /* @busy-retry */
		if (!tdx_operand_busy(err))
			break;
	}
	if (err)
		return -EAGAIN;

	do {
		err = tdh_vp_wr(vp, 5, 0); /* @busy-retry-unbounded */
	} while (tdx_operand_busy(err));

	if (tdh_vp_rd(vp, 6, &data)) /* @busy-misread */
		data = 0;
	pen_show(data);

	err = tdh_vp_wr(vp, 7, data); /* @busy-return */
	if (tdx_operand_busy(err))
		return -EBUSY;
	if (KVM_BUG_ON(err, kvm))
		return -EIO;

	to_tdx(vcpu)->vp_enter_ret = tdh_vp_wr(vp, 8, 0); /* @busy-stored */
	return 0;
}

/* ---- vCPU ---- */

struct pen_flush_arg {
	struct kvm_vcpu *vcpu;
	u64 err;
};

static void pen_flush(void *_arg)
{
	struct pen_flush_arg *arg = _arg;

	arg->err = 0;
	lockdep_assert_irqs_disabled();
	if (to_tdx(arg->vcpu)->state != VCPU_TD_STATE_UNINITIALIZED)
		arg->err = tdh_vp_flush(&to_tdx(arg->vcpu)->vp); /* @flush */
}

void tdx_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	struct pen_flush_arg arg = { .vcpu = vcpu };

	if (vcpu->cpu == cpu || !is_hkid_assigned(to_kvm_tdx(vcpu->kvm)))
		return;
	smp_call_function_single(vcpu->cpu, pen_flush, &arg, 1);
	PEN_BUG_ON(arg.err, vcpu->kvm);
}

void tdx_disable_virtualization_cpu(void)
{
	struct pen_flush_arg arg;
	unsigned long flags;

	local_irq_save(flags);
	while ((arg.vcpu = pen_next_here()))
		pen_flush(&arg);
	local_irq_restore(flags);
}

static void pen_remote(void *data)
{
	struct kvm_vcpu *vcpu = data;

	tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 9); /* @ipi */
}

/* The caller waits: what it holds is held in effect. */
static int pen_kicked(struct kvm_vcpu *vcpu)
{
	mutex_lock(&vcpu->kvm->slots_lock);
	smp_call_function_single(vcpu->cpu, pen_remote, vcpu, 1);
	mutex_unlock(&vcpu->kvm->slots_lock);
	return 0;
}

static void pen_remote_later(void *data)
{
	struct kvm_vcpu *vcpu = data;

	tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 10); /* @ipi-no-wait */
}

/* It does not wait: nothing is held for sure. */
static int pen_kicked_no_wait(struct kvm_vcpu *vcpu)
{
	mutex_lock(&vcpu->kvm->slots_lock);
	smp_call_function_single(vcpu->cpu, pen_remote_later, vcpu, 0);
	mutex_unlock(&vcpu->kvm->slots_lock);
	return 0;
}

static int pen_on_its_cpu(void *data)
{
	struct kvm *kvm = data;

	return tdh_mem_track(&to_kvm_tdx(kvm)->td) ? -EIO : 0; /* @call-on-cpu */
}

static int pen_accessor(struct kvm_vcpu *vcpu)
{
	pen_state_write16(to_tdx(vcpu), 1, pen_state_read64(to_tdx(vcpu), 2));
	return smp_call_on_cpu(0, pen_on_its_cpu, vcpu->kvm, true);
}

static int pen_complete(struct kvm_vcpu *vcpu)
{
	return tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 11) ? -EIO : 1; /* @completion */
}

int tdx_handle_exit(struct kvm_vcpu *vcpu)
{
	vcpu->complete_userspace_io = pen_complete;
	return 0;
}

int tdx_set_external_spte(struct kvm *kvm, u64 spte)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(kvm);
	u64 err;

	if (!spte) {
		err = pen_with_vcpus_out(tdh_mem_range_block, kvm, &kvm_tdx->td, 0); /* @kick-and-retry */
		return PEN_BUG_ON(err, kvm) ? -EIO : 0;
	}

	err = tdh_mem_page_aug(&kvm_tdx->td, spte); /* @frozen */
	if (tdx_operand_busy(err))
		return -EBUSY;
	return KVM_BUG_ON(err, kvm) ? -EIO : 0;
}

static int pen_unknown_call(struct kvm_vcpu *vcpu)
{
	struct pen_stranger *stranger = pen_find(vcpu);

	return stranger->act(vcpu); /* @unresolved-call */
}

static int pen_unparsed(struct kvm *kvm)
{
	int data = 0;

	data = = 1;
	return tdh_mng_rd(&to_kvm_tdx(kvm)->td, data, NULL) ? -EIO : 0; /* @unparsed */
}

int tdx_vm_ioctl(struct kvm *kvm, unsigned int ioctl)
{
	switch (ioctl) {
	case KVM_PEN_PLAIN:
		return pen_plain(kvm);
	case KVM_PEN_KILLABLE:
		return pen_killable(kvm);
	case KVM_PEN_TRY:
		return pen_try(kvm);
	case KVM_PEN_GUARD:
		return pen_guard(kvm);
	case KVM_PEN_LOOP_GUARD:
		return pen_loop_guard(kvm);
	case KVM_PEN_SCOPED:
		return pen_scoped(kvm);
	case KVM_PEN_SRCU:
		return pen_srcu(kvm);
	case KVM_PEN_NESTED_SRCU:
		return pen_nested_srcu(kvm);
	case KVM_PEN_RWSEM:
		return pen_rwsem(kvm);
	case KVM_PEN_CLASS:
		return pen_class(kvm);
	case KVM_PEN_FLUSH_EACH:
		return pen_flush_each(kvm);
	case KVM_PEN_SCOPED_CLASS:
	case KVM_PEN_SCOPED_CLASS_TOO:
		return pen_scoped_class(kvm);
	case KVM_PEN_ALL:
		return pen_all(kvm);
	case KVM_PEN_OTHER:
		return pen_other(kvm);
	case KVM_PEN_ONE_BRANCH:
		return pen_one_branch(kvm);
	case KVM_PEN_PAIRED:
		return pen_paired(kvm, pen_asked(kvm));
	case KVM_PEN_HANDED_OVER:
		return pen_handed_over(kvm);
	case KVM_PEN_YIELD:
		return pen_yield(kvm);
	case KVM_PEN_RECURSIVE:
		return pen_recursive(kvm, 2);
	case KVM_PEN_ASSERTED:
		return pen_asserted(kvm);
	case KVM_PEN_IRQS:
		return pen_irqs(kvm);
	case KVM_PEN_WRONG_MODE:
		return pen_wrong_mode(kvm);
	case KVM_PEN_INIT:
		return pen_init(kvm);
	case KVM_PEN_FINALIZE:
		return pen_finalize(kvm);
	case KVM_PEN_UNPARSED:
		return pen_unparsed(kvm);
	default:
		return -ENOTTY;
	}
}

int tdx_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned int ioctl)
{
	switch (ioctl) {
	case KVM_PEN_SELF:
		return tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 12) ? -EIO : 0; /* @self */
	case KVM_PEN_KICKED:
		return pen_kicked(vcpu);
	case KVM_PEN_KICKED_NO_WAIT:
		return pen_kicked_no_wait(vcpu);
	case KVM_PEN_ACCESSOR:
		return pen_accessor(vcpu);
	case KVM_PEN_BUILD:
		return pen_build(vcpu);
	case KVM_PEN_BUILD_LOCKED:
		return pen_build_locked(vcpu);
	case KVM_PEN_REACTIONS:
		return pen_reactions(vcpu);
	case KVM_PEN_UNKNOWN_CALL:
		return pen_unknown_call(vcpu);
	default:
		return -EINVAL;
	}
}
