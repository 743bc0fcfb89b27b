/** Pieces of leaves that the tests of rows are made of. */

export const TAKE_GLOBAL =
  "if (acquire_mutex_lock(&global->global_lock) != LOCK_RET_SUCCESS) { return TDX_OPERAND_BUSY; }";
export const GIVE_GLOBAL = "release_mutex_lock(&global->global_lock);";
export const TAKE_ENTRY =
  "sept_entry = secure_ept_walk(tdcs_ptr, gpa); return_val = sept_lock_acquire_host(sept_entry); if (return_val != TDX_SUCCESS) { return api_error_with_operand_id(return_val, OPERAND_ID_SEPT_ENTRY); }";

/** A PAMT of pages with entries of their own: the walk takes the ancestors shared, and promotes where it ends above 4 KB. */
export const NODES = {
  // The fixture's own leaf walks the SEPT by a helper that is not among these.
  "src/td_dispatcher/calls/tdg_mem_page_accept.c": `api_error_type tdg_mem_page_accept(uint64_t gpa)
{
    return TDX_SUCCESS;
}
`,
  "src/common/helpers.c": `#define PG_4KB  0
#define PG_2MB  1

api_error_type api_error_with_operand_id(api_error_type error, uint64_t operand)
{
    return error | operand;
}

api_error_type pamt_walk(pa_t pa, pamt_block_t block, lock_type_t mode, uint8_t size, pamt_entry_t** found)
{
    pamt_entry_t* entry_1gb = map_pa_with_global_hkid(block.pamt_1gb_p, TDX_RANGE_RW);
    pamt_entry_t* entry_2mb = map_pa_with_global_hkid(&block.pamt_2mb_p[pa.page_num], TDX_RANGE_RW);
    pamt_entry_t* entry_4kb = map_pa_with_global_hkid(&block.pamt_4kb_p[pa.page_num], TDX_RANGE_RW);
    api_error_type status = UNINITIALIZE_ERROR;

    if ((status = acquire_sharex_lock_hp(&entry_1gb->entry_lock, TDX_LOCK_SHARED, false)) != TDX_SUCCESS)
    {
        goto EXIT;
    }
    if ((status = acquire_sharex_lock_hp(&entry_2mb->entry_lock, TDX_LOCK_SHARED, false)) != TDX_SUCCESS)
    {
        goto RELEASE_1GB;
    }
    if ((entry_2mb->pt != PT_PAMT) || (size == PG_2MB))
    {
        if ((mode == TDX_LOCK_EXCLUSIVE) && ((status = promote_sharex_lock_hp(&entry_2mb->entry_lock)) != TDX_SUCCESS))
        {
            goto RELEASE_2MB;
        }
        *found = entry_2mb;
        goto EXIT;
    }
    if ((status = acquire_sharex_lock_hp(&entry_4kb->entry_lock, mode, false)) != TDX_SUCCESS)
    {
        goto RELEASE_2MB;
    }
    *found = entry_4kb;
    goto EXIT;

RELEASE_2MB:
    release_sharex_lock_hp_sh(&entry_2mb->entry_lock);
RELEASE_1GB:
    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);
EXIT:
    return status;
}

void pamt_unwalk(pa_t pa, pamt_block_t block, lock_type_t mode, uint8_t size)
{
    pamt_entry_t* entry_1gb = map_pa_with_global_hkid(block.pamt_1gb_p, TDX_RANGE_RW);
    pamt_entry_t* entry_2mb = map_pa_with_global_hkid(&block.pamt_2mb_p[pa.page_num], TDX_RANGE_RW);
    pamt_entry_t* entry_4kb = map_pa_with_global_hkid(&block.pamt_4kb_p[pa.page_num], TDX_RANGE_RW);

    if ((entry_2mb->pt != PT_PAMT) || (size == PG_2MB))
    {
        release_sharex_lock_hp(&entry_2mb->entry_lock, mode); // the target of 2 MB
    }
    else
    {
        release_sharex_lock_hp(&entry_4kb->entry_lock, mode);
        release_sharex_lock_hp_sh(&entry_2mb->entry_lock);
    }
    release_sharex_lock_hp_sh(&entry_1gb->entry_lock);
}
`,
};

/** A leaf that walks to a page's entry, does something with it, and gives it back. */
export const walkingLeaf = (mode: string, size: string, use: string): string => `
api_error_type tdh_phymem_test(uint64_t page)
{
    pa_t           page_pa;
    pamt_block_t   page_block;
    pamt_entry_t*  page_entry;
    api_error_type return_val = UNINITIALIZE_ERROR;

    page_pa.raw = page;
    if (!pamt_get_block(page_pa, &page_block))
    {
        return TDX_OPERAND_INVALID;
    }
    return_val = pamt_walk(page_pa, page_block, ${mode}, ${size}, &page_entry);
    if (return_val != TDX_SUCCESS)
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_RCX);
    }
    ${use}
EXIT:
    pamt_unwalk(page_pa, page_block, ${mode}, ${size});
    return return_val;
}
`;

export const unless = (type: string): string =>
  `if (page_entry->pt != ${type}) { return_val = TDX_OPERAND_INVALID; goto EXIT; }`;
