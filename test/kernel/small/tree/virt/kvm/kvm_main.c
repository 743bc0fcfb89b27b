/* Entries: ioctls, files, notifiers, work, CPU callbacks. */
#include <linux/kvm_host.h>
#include "kvm_mm.h"

static struct workqueue_struct *pen_wq;

void vcpu_load(struct kvm_vcpu *vcpu)
{
	int cpu = get_cpu();

	preempt_notifier_register(&vcpu->preempt_notifier);
	kvm_x86_call(vcpu_load)(vcpu, cpu);
	put_cpu();
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
	preempt_notifier_unregister(&vcpu->preempt_notifier);
}

static void pen_late(struct work_struct *work)
{
	struct kvm *kvm = container_of(work, struct kvm, late_work);

	mutex_lock(&kvm->slots_lock);
	tdh_mem_track(&to_kvm_tdx(kvm)->td); /* @work-item */
	mutex_unlock(&kvm->slots_lock);
}

static int pen_populate_one(struct kvm *kvm, void *opaque)
{
	return tdh_mem_track(&to_kvm_tdx(kvm)->td) ? -EIO : 0; /* @passed-callback */
}

static int pen_passed(struct kvm *kvm, struct file *file)
{
	int ret;

	mutex_lock(&kvm->lock);
	INIT_WORK(&kvm->late_work, pen_late);
	queue_work(pen_wq, &kvm->late_work);
	ret = pen_populate(kvm, file, pen_populate_one, NULL);
	mutex_unlock(&kvm->lock);
	return ret;
}

static int pen_handle(struct kvm *kvm, struct kvm_range *range)
{
	bool ret;

	KVM_MMU_LOCK(kvm);
	ret = range->handler(kvm, range);
	KVM_MMU_UNLOCK(kvm);
	return ret;
}

static int pen_with_handler(struct kvm *kvm)
{
	struct kvm_range range = {
		.start = 0,
		.end = 1,
		.handler = pen_unmap,
	};
	int ret;

	mutex_lock(&kvm->slots_lock);
	ret = pen_handle(kvm, &range);
	mutex_unlock(&kvm->slots_lock);
	return ret;
}

static bool pen_age(struct kvm *kvm, struct kvm_range *range)
{
	return range->start != range->end;
}

/* The notifier's handler is another function: no SEAMCALL. */
static int kvm_mmu_notifier_invalidate_range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *r)
{
	struct kvm_range range = {
		.start = r->start,
		.end = r->end,
		.handler = pen_age,
	};

	return pen_handle(container_of(mn, struct kvm, mmu_notifier), &range);
}

static const struct mmu_notifier_ops kvm_mmu_notifier_ops = {
	.invalidate_range_start = kvm_mmu_notifier_invalidate_range_start,
};

void __weak kvm_arch_pre_destroy_vm(struct kvm *kvm)
{
}

static void kvm_destroy_vm(struct kvm *kvm)
{
	kvm_arch_pre_destroy_vm(kvm);
}

void kvm_put_kvm(struct kvm *kvm)
{
	if (refcount_dec_and_test(&kvm->users_count))
		kvm_destroy_vm(kvm);
}

static int kvm_vm_release(struct inode *inode, struct file *filp)
{
	kvm_put_kvm(filp->private_data);
	return 0;
}

static long kvm_vm_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm *kvm = filp->private_data;

	switch (ioctl) {
	case KVM_PEN_PASSED:
		return pen_passed(kvm, filp);
	case KVM_PEN_HANDLER:
		return pen_with_handler(kvm);
	default:
		return kvm_arch_vm_ioctl(kvm, ioctl, arg);
	}
}

static struct file_operations kvm_vm_fops = {
	.release = kvm_vm_release,
	.unlocked_ioctl = kvm_vm_ioctl,
};

static long kvm_vcpu_ioctl(struct file *filp, unsigned int ioctl, unsigned long arg)
{
	struct kvm_vcpu *vcpu = filp->private_data;
	long r;

	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	switch (ioctl) {
	case KVM_PEN_FAULT:
		r = pen_fault(vcpu);
		break;
	default:
		r = kvm_arch_vcpu_ioctl(vcpu, ioctl, arg);
	}
	mutex_unlock(&vcpu->mutex);
	return r;
}

static struct file_operations kvm_vcpu_fops = {
	.unlocked_ioctl = kvm_vcpu_ioctl,
};

static void kvm_sched_in(struct preempt_notifier *pn, int cpu)
{
	kvm_x86_call(vcpu_load)(container_of(pn, struct kvm_vcpu, preempt_notifier), cpu);
}

static struct preempt_ops kvm_preempt_ops;

static int kvm_online_cpu(unsigned int cpu)
{
	return 0;
}

static int kvm_offline_cpu(unsigned int cpu)
{
	kvm_arch_disable_virtualization_cpu();
	return 0;
}

int kvm_init(void)
{
	kvm_preempt_ops.sched_in = kvm_sched_in;
	return cpuhp_setup_state(CPUHP_AP_KVM_ONLINE, "kvm:online", kvm_online_cpu, kvm_offline_cpu);
}
