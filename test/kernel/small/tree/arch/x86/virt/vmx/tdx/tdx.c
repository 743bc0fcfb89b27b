/* The host's side of the small kernel: the wrappers, the start and the end. A file of this name is in KVM's folder too. */
#include <asm/tdx.h>
#include "order.c"

static DEFINE_RAW_SPINLOCK(start_lock);
static bool started;

u64 tdh_vp_enter(struct tdx_vp *vp)
{
	struct tdx_module_args args = { .rcx = page_to_phys(vp->tdvpr_page) };

	return seamcall(TDH_VP_ENTER, &args);
}

u64 tdh_vp_flush(struct tdx_vp *vp)
{
	struct tdx_module_args args = { .rcx = page_to_phys(vp->tdvpr_page) };

	return seamcall(TDH_VP_FLUSH, &args);
}

u64 tdh_vp_rd(struct tdx_vp *vp, u64 field, u64 *data)
{
	struct tdx_module_args args = { .rcx = page_to_phys(vp->tdvpr_page), .rdx = field };
	u64 ret = seamcall_ret(TDH_VP_RD, &args);

	*data = args.r8;
	return ret;
}

u64 tdh_vp_wr(struct tdx_vp *vp, u64 field, u64 data)
{
	struct tdx_module_args args = { .rcx = page_to_phys(vp->tdvpr_page), .rdx = field, .r8 = data };

	return seamcall(TDH_VP_WR, &args);
}

u64 tdh_mng_create(struct tdx_td *td)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MNG_CREATE, &args);
}

u64 tdh_mng_init(struct tdx_td *td)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MNG_INIT, &args);
}

u64 tdh_mng_rd(struct tdx_td *td, u64 field, u64 *data)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page), .rdx = field };
	u64 ret = seamcall_ret(TDH_MNG_RD, &args);

	*data = args.r8;
	return ret;
}

u64 tdh_mng_key_freeid(struct tdx_td *td)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MNG_KEY_FREEID, &args);
}

u64 tdh_mr_finalize(struct tdx_td *td)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MR_FINALIZE, &args);
}

u64 tdh_mem_track(struct tdx_td *td)
{
	struct tdx_module_args args = { .rcx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MEM_TRACK, &args);
}

u64 tdh_mem_range_block(struct tdx_td *td, u64 gpa)
{
	struct tdx_module_args args = { .rcx = gpa, .rdx = page_to_phys(td->tdr_page) };

	return seamcall(TDH_MEM_RANGE_BLOCK, &args);
}

u64 tdh_mem_page_aug(struct tdx_td *td, u64 gpa)
{
	struct tdx_module_args args = { .rcx = gpa, .rdx = page_to_phys(td->tdr_page) };

	return seamcall_ret(TDH_MEM_PAGE_AUG, &args);
}

u64 tdh_phymem_page_reclaim(struct page *page)
{
	struct tdx_module_args args = { .rcx = page_to_phys(page) };

	return seamcall_ret(TDH_PHYMEM_PAGE_RECLAIM, &args);
}

u64 tdh_phymem_cache_wb(bool resume)
{
	struct tdx_module_args args = { .rcx = resume ? 1 : 0 };

	return seamcall(TDH_PHYMEM_CACHE_WB, &args);
}

/* A direct seamcall without a wrapper, under a raw spinlock, once for the machine. */
static int start_once(void)
{
	struct tdx_module_args args = {};
	int ret = 0;

	guard(raw_spinlock)(&start_lock);
	if (started)
		return 0;
	if (seamcall(TDH_SYS_INIT, &args)) /* @direct-seamcall */
		ret = -EIO;
	started = !ret;
	return ret;
}

int tdx_cpu_start(void)
{
	struct tdx_module_args args = {};
	int ret = start_once();

	if (ret)
		return ret;
	return seamcall(TDH_SYS_LP_INIT, &args) ? -EIO : 0; /* @cpuhp-online */
}

static int pen_online_cpu(unsigned int cpu)
{
	return tdx_cpu_start();
}

static int pen_offline_cpu(unsigned int cpu)
{
	return 0;
}

void tdx_end(void)
{
	struct tdx_module_args args = {};
	u64 err;

	do {
		err = seamcall(TDH_SYS_DISABLE, &args); /* @syscore-shutdown */
	} while (err == TDX_INTERRUPTED_RESUMABLE || err == TDX_SYS_BUSY);
}

static void pen_shutdown(void *data)
{
	tdx_end();
}

static const struct syscore_ops pen_syscore_ops = {
	.shutdown = pen_shutdown,
};

static struct syscore pen_syscore = {
	.ops = &pen_syscore_ops,
};

/* In a table that nothing here reads: a diagnostic, no row. */
static u64 never_called(struct page *page)
{
	return tdh_phymem_page_reclaim(page); /* @unreached */
}

struct pen_hooks {
	u64 (*late)(struct page *page);
};

struct pen_hooks pen_hooks = {
	.late = never_called,
};

static int __init pen_host_init(void)
{
	enum cpuhp_state state;

	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "pen:online", pen_online_cpu, pen_offline_cpu);
	if (state < 0)
		return state;
	register_syscore(&pen_syscore);
	return 0;
}
subsys_initcall(pen_host_init);
