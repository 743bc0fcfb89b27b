/* Entries of the mirror table: frozen while they change, under mmu_lock in either mode. */
#include "../vmx/tdx.h"

#define FROZEN_SPTE (1ULL << 11)
#define RET_PF_RETRY 1
#define RET_PF_FIXED 2

enum pen_roots {
	PEN_DIRECT_ROOTS = 1,
	PEN_MIRROR_ROOTS = 2,
	PEN_ALL_ROOTS = 3,
};

static int pen_set_spte_atomic(struct kvm *kvm, u64 *sptep, u64 old, u64 new)
{
	int ret;

	lockdep_assert_held_read(&kvm->mmu_lock);

	if (!try_cmpxchg64(sptep, &old, FROZEN_SPTE))
		return -EBUSY;
	ret = kvm_x86_call(set_external_spte)(kvm, new);
	if (ret)
		pen_write_spte(sptep, old);
	else
		pen_write_spte(sptep, new);
	return ret;
}

static void pen_set_spte(struct kvm *kvm, u64 *sptep, u64 new)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	pen_write_spte(sptep, new);
	KVM_BUG_ON(kvm_x86_call(set_external_spte)(kvm, new), kvm);
}

static int pen_fault_once(struct kvm_vcpu *vcpu, u64 *sptep)
{
	int r = RET_PF_FIXED;

	read_lock(&vcpu->kvm->mmu_lock);
	if (pen_set_spte_atomic(vcpu->kvm, sptep, 0, 1))
		r = RET_PF_RETRY;
	read_unlock(&vcpu->kvm->mmu_lock);
	return r;
}

/* Tries until it is fixed, a signal comes or the VM is dead. */
int pen_fault(struct kvm_vcpu *vcpu)
{
	int r;

	do {
		if (signal_pending(current))
			return -EINTR;
		if (kvm_test_request(KVM_REQ_VM_DEAD, vcpu))
			return -EIO;
		r = pen_fault_once(vcpu, pen_spte_of(vcpu));
	} while (r == RET_PF_RETRY);
	return 0;
}

static void pen_zap(struct kvm *kvm, bool shared)
{
	if (shared)
		read_lock(&kvm->mmu_lock);
	else
		write_lock(&kvm->mmu_lock);

	tdh_mem_track(&to_kvm_tdx(kvm)->td); /* @mode-at-run-time */

	if (shared)
		read_unlock(&kvm->mmu_lock);
	else
		write_unlock(&kvm->mmu_lock);
}

int pen_zap_shared(struct kvm *kvm)
{
	pen_zap(kvm, true);
	return 0;
}

int pen_zap_exclusive(struct kvm *kvm)
{
	pen_zap(kvm, false);
	return 0;
}

/* Which roots are walked is a constant of the caller; only a mirror root has SEAMCALLs. */
static void pen_walk(struct kvm *kvm, enum pen_roots types)
{
	write_lock(&kvm->mmu_lock);
	if (types & PEN_MIRROR_ROOTS)
		pen_set_spte(kvm, pen_spte_of_vm(kvm), 0);
	write_unlock(&kvm->mmu_lock);
}

int pen_walk_mirror(struct kvm *kvm)
{
	pen_walk(kvm, PEN_ALL_ROOTS);
	return 0;
}

int pen_walk_direct(struct kvm *kvm)
{
	pen_walk(kvm, PEN_DIRECT_ROOTS);
	return 0;
}

/* A handler in a local struct; the notifier's is another one. */
bool pen_unmap(struct kvm *kvm, struct kvm_range *range)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	return tdh_mem_track(&to_kvm_tdx(kvm)->td); /* @handler-in-struct */
}
