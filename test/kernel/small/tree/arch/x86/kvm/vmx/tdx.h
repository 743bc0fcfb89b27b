/* A TD and its vCPU; accessors that a macro makes. */
#ifndef SMALL_VMX_TDX_H
#define SMALL_VMX_TDX_H

#include <linux/kvm_host.h>
#include <asm/tdx.h>

#define KVM_X86_TDX_VM 5

enum kvm_tdx_state {
	TD_STATE_UNINITIALIZED = 0,
	TD_STATE_INITIALIZED,
	TD_STATE_RUNNABLE,
};

enum vcpu_tdx_state {
	VCPU_TD_STATE_UNINITIALIZED = 0,
	VCPU_TD_STATE_INITIALIZED,
};

struct kvm_tdx {
	struct kvm kvm;
	int hkid;
	enum kvm_tdx_state state;
	struct tdx_td td;
	bool wait_for_sept_zap;
};

struct vcpu_tdx {
	struct kvm_vcpu vcpu;
	struct tdx_vp vp;
	u64 vp_enter_ret;
	enum vcpu_tdx_state state;
};

static __always_inline struct kvm_tdx *to_kvm_tdx(struct kvm *kvm)
{
	return container_of(kvm, struct kvm_tdx, kvm);
}

static __always_inline struct vcpu_tdx *to_tdx(struct kvm_vcpu *vcpu)
{
	return container_of(vcpu, struct vcpu_tdx, vcpu);
}

static __always_inline bool is_td(struct kvm *kvm)
{
	return kvm->vm_type == KVM_X86_TDX_VM;
}

static inline bool is_hkid_assigned(struct kvm_tdx *kvm_tdx)
{
	return kvm_tdx->hkid > 0;
}

static inline bool tdx_operand_busy(u64 err)
{
	return (err & TDX_SEAMCALL_STATUS_MASK) == TDX_OPERAND_BUSY;
}

void pen_read_failed(struct vcpu_tdx *tdx, u32 field, u64 err);
void pen_write_failed(struct vcpu_tdx *tdx, u32 field, u64 err);

#define PEN_ACCESSORS(bits, class)						\
static __always_inline u##bits pen_##class##_read##bits(struct vcpu_tdx *tdx, u32 field)	\
{										\
	u64 err, data;								\
										\
	err = tdh_vp_rd(&tdx->vp, PEN_FIELD_##class(field), &data); /* @accessor-read */	\
	if (unlikely(err)) {							\
		pen_read_failed(tdx, field, err);				\
		return 0;							\
	}									\
	return (u##bits)data;							\
}										\
static __always_inline void pen_##class##_write##bits(struct vcpu_tdx *tdx, u32 field, u##bits val)	\
{										\
	u64 err;								\
										\
	err = tdh_vp_wr(&tdx->vp, PEN_FIELD_##class(field), val); /* @accessor-write */	\
	if (unlikely(err))							\
		pen_write_failed(tdx, field, err);				\
}

PEN_ACCESSORS(16, state);
PEN_ACCESSORS(64, state);

int tdx_vm_ioctl(struct kvm *kvm, unsigned int ioctl);
int tdx_vcpu_ioctl(struct kvm_vcpu *vcpu, unsigned int ioctl);
void tdx_vcpu_load(struct kvm_vcpu *vcpu, int cpu);
int tdx_handle_exit(struct kvm_vcpu *vcpu);
int tdx_set_external_spte(struct kvm *kvm, u64 spte);
void tdx_release(struct kvm *kvm);
void tdx_disable_virtualization_cpu(void);
void pen_setup(void);

#endif
