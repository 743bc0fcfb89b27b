/* The table of operations, and the dispatch between a TD and other VMs. */
#include "tdx.h"

static void vt_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	if (is_td(vcpu->kvm)) {
		tdx_vcpu_load(vcpu, cpu);
		return;
	}
	other_vcpu_load(vcpu, cpu);
}

/* No TD comes here: a call in this branch is no row. */
static int vt_handle_exit(struct kvm_vcpu *vcpu)
{
	if (is_td(vcpu->kvm))
		return tdx_handle_exit(vcpu);

	return tdh_mem_track(&to_kvm_tdx(vcpu->kvm)->td) ? -EIO : 1; /* @not-a-td */
}

#define vt_op(name) vt_##name

struct kvm_x86_ops vt_x86_ops __initdata = {
	.vcpu_load = vt_op(vcpu_load),
	.handle_exit = vt_op(handle_exit),
};

/* Members that are set at run time. */
void pen_setup(void)
{
	vt_x86_ops.set_external_spte = tdx_set_external_spte;
}
