/* A small kernel for tests: what its parts share. Written for this project; it compiles nowhere and runs nowhere. */
#ifndef SMALL_KVM_HOST_H
#define SMALL_KVM_HOST_H

#include <linux/fs.h>
#include <linux/mutex.h>

#define KVM_REQUEST_WAIT (1 << 9)
#define KVM_REQ_VM_DEAD (1 | KVM_REQUEST_WAIT)
#define KVM_REQ_UNBLOCK 2
#define KVM_REQ_OUTSIDE_GUEST_MODE KVM_REQUEST_WAIT

#define KVM_PEN_PLAIN 1
#define KVM_PEN_KILLABLE 2
#define KVM_PEN_TRY 3
#define KVM_PEN_GUARD 4
#define KVM_PEN_LOOP_GUARD 5
#define KVM_PEN_SCOPED 6
#define KVM_PEN_SRCU 7
#define KVM_PEN_NESTED_SRCU 8
#define KVM_PEN_RWSEM 9
#define KVM_PEN_CLASS 10
#define KVM_PEN_ALL 11
#define KVM_PEN_MACRO 12
#define KVM_PEN_SHARED 13
#define KVM_PEN_EXCLUSIVE 14
#define KVM_PEN_YIELD 15
#define KVM_PEN_HANDED_OVER 16
#define KVM_PEN_OTHER 17
#define KVM_PEN_ONE_BRANCH 18
#define KVM_PEN_PAIRED 19
#define KVM_PEN_RECURSIVE 20
#define KVM_PEN_HANDLER 21
#define KVM_PEN_FINALIZE 22
#define KVM_PEN_INIT 23
#define KVM_PEN_FILTER_MIRROR 24
#define KVM_PEN_FILTER_DIRECT 25
#define KVM_PEN_PASSED 26
#define KVM_PEN_ASSERTED 27
#define KVM_PEN_IRQS 51
#define KVM_PEN_WRONG_MODE 28
#define KVM_PEN_UNPARSED 29
#define KVM_PEN_LOST_STATE 30
#define KVM_RUN 40
#define KVM_PEN_SELF 41
#define KVM_PEN_KICKED 42
#define KVM_PEN_KICKED_NO_WAIT 43
#define KVM_PEN_ACCESSOR 44
#define KVM_PEN_BUILD 45
#define KVM_PEN_BUILD_LOCKED 46
#define KVM_PEN_FAULT 47
#define KVM_PEN_PRE_FAULT 48
#define KVM_PEN_REACTIONS 49
#define KVM_PEN_UNKNOWN_CALL 50
#define KVM_PEN_SCOPED_CLASS 51
#define KVM_PEN_SCOPED_CLASS_TOO 52
#define KVM_PEN_FLUSH_EACH 53

#define PEN_RETRIES 3

struct kvm_vcpu;

struct kvm {
	struct mutex lock;
	struct mutex slots_lock;
	rwlock_t mmu_lock;
	struct srcu_struct srcu;
	struct rw_semaphore gate_sem;
	struct list_head gmem_list;
	unsigned int nr_vcpus;
	bool vm_bugged;
	bool pre_fault_allowed;
	struct work_struct late_work;
	unsigned long vm_type;
};

struct kvm_vcpu {
	struct kvm *kvm;
	struct mutex mutex;
	int cpu;
	int srcu_idx;
	int (*complete_userspace_io)(struct kvm_vcpu *vcpu);
	struct preempt_notifier preempt_notifier;
};

struct kvm_range {
	unsigned long start;
	unsigned long end;
	bool (*handler)(struct kvm *kvm, struct kvm_range *range);
};

struct kvm_x86_ops {
	void (*vcpu_load)(struct kvm_vcpu *vcpu, int cpu);
	int (*handle_exit)(struct kvm_vcpu *vcpu);
	int (*set_external_spte)(struct kvm *kvm, u64 spte);
	int (*late_hook)(struct kvm *kvm);
};

extern struct kvm_x86_ops kvm_x86_ops;
#define kvm_x86_call(func) static_call(kvm_x86_##func)

#define kvm_for_each_vcpu(idx, vcpup, kvm) \
	xa_for_each_range(&(kvm)->vcpu_array, idx, vcpup, 0, (kvm)->nr_vcpus)

#define KVM_BUG_ON(cond, kvm)				\
({							\
	bool __ret = !!(cond);				\
							\
	if (WARN_ON_ONCE(__ret && !(kvm)->vm_bugged))	\
		kvm_vm_bugged(kvm);			\
	unlikely(__ret);				\
})

static inline void kvm_vm_bugged(struct kvm *kvm)
{
	kvm->vm_bugged = true;
	kvm_make_all_cpus_request(kvm, KVM_REQ_VM_DEAD);
}

void kvm_arch_pre_destroy_vm(struct kvm *kvm);
void vcpu_load(struct kvm_vcpu *vcpu);
void vcpu_put(struct kvm_vcpu *vcpu);
long kvm_arch_vm_ioctl(struct kvm *kvm, unsigned int ioctl, unsigned long arg);
long kvm_arch_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned int ioctl, unsigned long arg);
void kvm_arch_disable_virtualization_cpu(void);

#endif
