/* The run loop, and what runs without being called by name. */
#include "vmx/tdx.h"

struct kvm_x86_ops kvm_x86_ops;

long kvm_arch_vm_ioctl(struct kvm *kvm, unsigned int ioctl, unsigned long arg)
{
	switch (ioctl) {
	case KVM_PEN_SHARED:
		return pen_zap_shared(kvm);
	case KVM_PEN_EXCLUSIVE:
		return pen_zap_exclusive(kvm);
	case KVM_PEN_FILTER_MIRROR:
		return pen_walk_mirror(kvm);
	case KVM_PEN_FILTER_DIRECT:
		return pen_walk_direct(kvm);
	default:
		return tdx_vm_ioctl(kvm, ioctl);
	}
}

static int pen_enter(struct kvm_vcpu *vcpu)
{
	struct vcpu_tdx *tdx = to_tdx(vcpu);

	local_irq_disable();
	if (READ_ONCE(to_kvm_tdx(vcpu->kvm)->wait_for_sept_zap)) {
		local_irq_enable();
		return 1;
	}
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->srcu_idx);
	tdx->vp_enter_ret = tdh_vp_enter(&tdx->vp); /* @enter */
	local_irq_enable();
	vcpu->srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);

	if (tdx_operand_busy(tdx->vp_enter_ret))
		return 1;
	return kvm_x86_call(handle_exit)(vcpu);
}

static int pen_run(struct kvm_vcpu *vcpu)
{
	struct kvm_tdx *kvm_tdx = to_kvm_tdx(vcpu->kvm);
	int r;

	vcpu_load(vcpu);
	vcpu->srcu_idx = srcu_read_lock(&vcpu->kvm->srcu);

	if (vcpu->complete_userspace_io) {
		int (*complete)(struct kvm_vcpu *) = vcpu->complete_userspace_io;

		vcpu->complete_userspace_io = NULL;
		r = complete(vcpu);
		if (r <= 0)
			goto out;
	}

	r = -EINVAL;
	if (kvm_tdx->state != TD_STATE_RUNNABLE || to_tdx(vcpu)->state != VCPU_TD_STATE_INITIALIZED)
		goto out;

	do {
		tdh_vp_wr(&to_tdx(vcpu)->vp, 1, 20); /* @before-entry */
		r = pen_enter(vcpu);
	} while (r > 0);
out:
	srcu_read_unlock(&vcpu->kvm->srcu, vcpu->srcu_idx);
	vcpu_put(vcpu);
	return r;
}

static int pen_pre_fault(struct kvm_vcpu *vcpu)
{
	int idx, r;

	vcpu_load(vcpu);
	idx = srcu_read_lock(&vcpu->kvm->srcu);
	r = vcpu->kvm->pre_fault_allowed ? pen_fault(vcpu) : -EOPNOTSUPP;
	srcu_read_unlock(&vcpu->kvm->srcu, idx);
	vcpu_put(vcpu);
	return r;
}

long kvm_arch_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned int ioctl, unsigned long arg)
{
	int r;

	if (ioctl == KVM_RUN)
		return pen_run(vcpu);
	if (ioctl == KVM_PEN_PRE_FAULT)
		return pen_pre_fault(vcpu);

	vcpu_load(vcpu);
	r = tdx_vcpu_ioctl(vcpu, ioctl);
	vcpu_put(vcpu);
	return r;
}

/* Wins over the weak one of kvm_main.c. */
void kvm_arch_pre_destroy_vm(struct kvm *kvm)
{
	if (is_td(kvm))
		tdx_release(kvm);
}

void kvm_arch_disable_virtualization_cpu(void)
{
	tdx_disable_virtualization_cpu();
}

#if PEN_HAS(late)
static int pen_if(struct kvm *kvm)
{
	return tdh_mem_track(&to_kvm_tdx(kvm)->td) ? -EIO : 0; /* @if-not-evaluated */
}
#endif
