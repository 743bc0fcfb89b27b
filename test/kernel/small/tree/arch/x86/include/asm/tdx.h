/* The wrappers round the SEAMCALLs of the small kernel. */
#ifndef SMALL_ASM_TDX_H
#define SMALL_ASM_TDX_H

#define TDH_VP_ENTER 0
#define TDH_MEM_PAGE_AUG 6
#define TDH_MNG_CREATE 9
#define TDH_MNG_RD 11
#define TDH_MR_FINALIZE 17
#define TDH_VP_FLUSH 18
#define TDH_MNG_KEY_FREEID 20
#define TDH_MNG_INIT 21
#define TDH_VP_RD 26
#define TDH_PHYMEM_PAGE_RECLAIM 28
#define TDH_MEM_TRACK 38
#define TDH_MEM_RANGE_BLOCK 7
#define TDH_PHYMEM_CACHE_WB 40
#define TDH_VP_WR 43
#define TDH_SYS_INIT 33
#define TDH_SYS_LP_INIT 35
#define TDH_SYS_DISABLE 69

#define TDX_SUCCESS 0ULL
#define TDX_OPERAND_BUSY 0x8000020000000000ULL
#define TDX_SYS_BUSY 0x8000020200000000ULL
#define TDX_INTERRUPTED_RESUMABLE 0x8000000300000000ULL
#define TDX_SEAMCALL_STATUS_MASK 0xFFFFFFFF00000000ULL

typedef u64 (*sc_func_t)(u64 fn, struct tdx_module_args *args);

u64 __seamcall(u64 fn, struct tdx_module_args *args);
u64 __seamcall_ret(u64 fn, struct tdx_module_args *args);

static __always_inline u64 sc_again(sc_func_t func, u64 fn, struct tdx_module_args *args)
{
	u64 ret;

	preempt_disable();
	ret = func(fn, args);
	preempt_enable();
	return ret;
}

#define seamcall(_fn, _args)		sc_again(__seamcall, (_fn), (_args))
#define seamcall_ret(_fn, _args)	sc_again(__seamcall_ret, (_fn), (_args))

struct tdx_td {
	struct page *tdr_page;
};

struct tdx_vp {
	struct page *tdvpr_page;
};

u64 tdh_vp_enter(struct tdx_vp *vp);
u64 tdh_vp_flush(struct tdx_vp *vp);
u64 tdh_vp_rd(struct tdx_vp *vp, u64 field, u64 *data);
u64 tdh_vp_wr(struct tdx_vp *vp, u64 field, u64 data);
u64 tdh_mng_create(struct tdx_td *td);
u64 tdh_mng_init(struct tdx_td *td);
u64 tdh_mng_rd(struct tdx_td *td, u64 field, u64 *data);
u64 tdh_mng_key_freeid(struct tdx_td *td);
u64 tdh_mr_finalize(struct tdx_td *td);
u64 tdh_mem_track(struct tdx_td *td);
u64 tdh_mem_range_block(struct tdx_td *td, u64 gpa);
u64 tdh_mem_page_aug(struct tdx_td *td, u64 gpa);
u64 tdh_phymem_page_reclaim(struct page *page);
u64 tdh_phymem_cache_wb(bool resume);

int tdx_cpu_start(void);
void tdx_end(void);
const char *tdx_say_why(u64 address);

#endif
