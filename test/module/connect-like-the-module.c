// What releases with TDX Connect do with their locks, in words of our own: one leaf for each construct.
#include "locks.h"
#define CONNECT_HEADER "connect-like-the-module.h"
#include CONNECT_HEADER

static api_error_type find_and_lock_iommu(uint64_t id, uint64_t operand, bool_t is_guest, bool_t* is_locked,
                                          iommu_config_t** config)
{
    tdx_module_global_t* global = get_global_data();
    api_error_type status;
    *is_locked = false;
    if (id >= TOT_NUM_IOMMUS)
    {
        TDX_ERROR("no such IOMMU\n")
        return api_error_with_operand_id(TDX_OPERAND_INVALID, operand);
    }
    *config = &global->iommu_configs[id];
    status = acquire_sharex_lock_hp_ex(&(*config)->lock, is_guest);
    if (status != TDX_SUCCESS)
    {
        return api_error_with_operand_id(status, operand);
    }
    *is_locked = true;
    return TDX_SUCCESS;
}

static void release_iommu(const bool_t is_locked, iommu_config_t* const config)
{
    if (is_locked)
    {
        release_sharex_lock_hp_ex(&config->lock);
    };
}

// One lock per IOMMU: given out by a helper, given back by a flag and a pointer.
api_error_type tdh_iommu_setreg(uint64_t id, uint64_t value)
{
    iommu_config_t* config = NULL;
    bool_t is_locked = false;
    api_error_type return_val = find_and_lock_iommu(id, OPERAND_ID_RCX, false, &is_locked, &config);
    if (return_val != TDX_SUCCESS)
    {
        goto EXIT;
    }
    config->value = value;
EXIT:
    release_iommu(is_locked, config);
    return return_val;
}

// The same lock as a guest.
api_error_type tdg_spdm_tpa_get(uint64_t id, uint64_t unused)
{
    iommu_config_t* config = NULL;
    bool_t is_locked = false;
    api_error_type return_val = find_and_lock_iommu(id, OPERAND_ID_RCX, true, &is_locked, &config);
    release_iommu(is_locked, config);
    return return_val;
}

static api_error_type devifmt_take_for_host(devifmt_entry_t* const entry)
{
    bool_t is_ours = _lock_bts_64b(&entry->raw, DEVIFMT_LOCK_BIT_IDX) == 0;
    if (!is_ours)
    {
        (void)_lock_bts_64b(&entry->raw, DEVIFMT_HP_BIT_IDX);
        return TDX_OPERAND_BUSY;
    }
    (void)_lock_btr_64b(&entry->raw, DEVIFMT_HP_BIT_IDX);
    return TDX_SUCCESS;
}

static api_error_type devifmt_take_for_guest(devifmt_entry_t* const entry)
{
    if (_lock_bts_64b(&entry->raw, DEVIFMT_LOCK_BIT_IDX) != 0)
    {
        return TDX_OPERAND_BUSY;
    }
    if (entry->hp)
    {
        (void)_lock_btr_64b(&entry->raw, DEVIFMT_LOCK_BIT_IDX);
        return TDX_OPERAND_BUSY_HOST_PRIORITY;
    }
    return TDX_SUCCESS;
}

static void devifmt_give_back(devifmt_entry_t* const entry)
{
    tdx_sanity_check(entry->raw & (1ULL << DEVIFMT_LOCK_BIT_IDX), 3, 8);
    (void)_lock_btr_64b(&entry->raw, DEVIFMT_LOCK_BIT_IDX);
}

// The side is a runtime value, and the operand is the caller's.
static api_error_type devifmt_find(uint64_t index, bool_t for_guest, bool_t* is_found, devifmt_walk_t* walk)
{
    api_error_type status;
    *is_found = false;
    walk->devifmt_path[0] = map_pa_with_global_hkid(index, TDX_RANGE_RW);
    if (for_guest == DEVIFMT_GUEST_LOCK_MODE)
    {
        status = devifmt_take_for_guest(walk->devifmt_path[0]);
    }
    else
    {
        status = devifmt_take_for_host(walk->devifmt_path[0]);
    }
    *is_found = status == TDX_SUCCESS;
    return status;
}

api_error_type tdh_devif_remove(uint64_t index, uint64_t unused)
{
    devifmt_walk_t walk;
    bool_t is_found = false;
    api_error_type return_val = devifmt_find(index, DEVIFMT_HP_LOCK_MODE, &is_found, &walk);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RCX);
        goto EXIT;
    }
EXIT:
    if (is_found)
    {
        devifmt_give_back(walk.devifmt_path[0]);
    }
    return return_val;
}

api_error_type tdg_devif_rd(uint64_t index, uint64_t unused)
{
    devifmt_walk_t walk;
    bool_t is_found = false;
    api_error_type return_val = devifmt_find(index, DEVIFMT_GUEST_LOCK_MODE, &is_found, &walk);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RCX);
        goto EXIT;
    }
EXIT:
    if (is_found)
    {
        devifmt_give_back(walk.devifmt_path[0]);
    }
    return return_val;
}

// A wrapper that gives a mapped pointer, or none, and locks a bit of 32.
static spdm_page_t* spdm_map_and_lock(uint64_t id, bool_t* is_locked)
{
    tdx_module_global_t* global = get_global_data();
    *is_locked = acquire_bit_lock(&global->spdmdir[id].low_dword, SPDMDIR_ENTRY_LOCK_BIT_OFS) == TDX_SUCCESS;
    if (!*is_locked)
    {
        return NULL;
    }
    return map_pa_with_global_hkid(global->spdmdir[id].page, TDX_RANGE_RW);
}

api_error_type tdh_spdm_delete(uint64_t id, uint64_t unused)
{
    tdx_module_global_t* global = get_global_data();
    bool_t is_locked = false;
    api_error_type return_val = UNINITIALIZE_ERROR;
    spdm_page_t* page = spdm_map_and_lock(id, &is_locked);
    if (page == NULL)
    {
        return_val = api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RDX);
        goto EXIT;
    }
    if (acquire_mutex_lock(&page->tx_lock) != LOCK_RET_SUCCESS)
    {
        return_val = TDX_OPERAND_BUSY;
        goto EXIT;
    }
    release_mutex_lock(&page->tx_lock);
    return_val = TDX_SUCCESS;
EXIT:
    if (is_locked)
    {
        release_bit_lock(&global->spdmdir[id].low_dword, SPDMDIR_ENTRY_LOCK_BIT_OFS);
    }
    return return_val;
}

// Two more words with a bit of their own.
api_error_type tdh_mmio_mt_set(uint64_t pa, uint64_t kind)
{
    mmiomt_entry_t* mmiomt_entry = map_pa_with_global_hkid(pa, TDX_RANGE_RW);
    dmar_entry_t*   dmar_entry = map_pa_with_global_hkid(kind, TDX_RANGE_RW);
    bool_t is_first = false;
    bool_t is_second = false;
    api_error_type return_val = acquire_bit_lock(&mmiomt_entry->mmiomt_raw32, MMIOMT_ENTRY_XLOCK_BIT);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RCX);
        goto EXIT;
    }
    is_first = true;
    return_val = acquire_bit_lock(&dmar_entry->dmar_raw32, RTE_PDE_PASIDTE_LOCK_BIT);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RDX);
        goto EXIT;
    }
    is_second = true;
EXIT:
    if (is_second)
    {
        release_bit_lock(&dmar_entry->dmar_raw32, RTE_PDE_PASIDTE_LOCK_BIT);
    }
    if (is_first)
    {
        release_bit_lock(&mmiomt_entry->mmiomt_raw32, MMIOMT_ENTRY_XLOCK_BIT);
    }
    return return_val;
}

// Locks of a TD, by a fall-through switch that gives them back; a queue that is full is a BUSY without a lock.
api_error_type tdh_iq_inv_request(uint64_t type, uint64_t unused)
{
    tdcs_t* tdcs_ptr = get_local_data()->vp_ctx.tdcs;
    uint64_t taken = 0;
    api_error_type return_val = acquire_sharex_lock_hp_ex(&tdcs_ptr->tdxio_fields.tdinv_lock, false);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_R8);
        goto EXIT;
    }
    taken = 1;
    return_val = acquire_sharex_lock_hp(&tdcs_ptr->migration_fields.mem_scan_lock, TDX_LOCK_SHARED, false);
    if (return_val != TDX_SUCCESS)
    {
        return_val = api_error_with_operand_id(return_val, OPERAND_ID_RDX);
        goto EXIT;
    }
    taken = 2;
    if (tdcs_ptr->tdxio_fields.tail == tdcs_ptr->tdxio_fields.head)
    {
        return_val = TDX_IOMMU_IQ_FULL;
        goto EXIT;
    }
    return_val = TDX_SUCCESS;
EXIT:
    switch (taken)
    {
        case 2:
            release_sharex_lock_hp_sh(&tdcs_ptr->migration_fields.mem_scan_lock);
            // fall through
        case 1:
            release_sharex_lock_hp_ex(&tdcs_ptr->tdxio_fields.tdinv_lock);
            // fall through
        default:
            break;
    }
    return return_val;
}

// Table pages shared on the way down, however many; then as many pages as the host names, kept in an array.
api_error_type tdh_dmar_add(uint64_t index, uint64_t pages)
{
    table_walk_t   walk;
    pa_t           page_pa[MAX_NUM_PD_PAGES];
    pamt_block_t   block[MAX_NUM_PD_PAGES];
    pamt_entry_t*  entry[MAX_NUM_PD_PAGES];
    uint64_t       level = 0;
    uint64_t       num_pages = 0;
    bool_t         is_locked[MAX_NUM_PD_PAGES] = {0};
    api_error_type return_val = UNINITIALIZE_ERROR;

    while (level < 3)
    {
        return_val = pamt_walk(walk.pa[level], walk.block[level], TDX_LOCK_SHARED, false, &walk.entry[level]);
        if (return_val != TDX_SUCCESS)
        {
            return_val = api_error_with_operand_id(return_val, OPERAND_ID_RCX);
            goto EXIT;
        }
        level = level + 1;
    }
    for (num_pages = 0; num_pages < MAX_NUM_PD_PAGES; num_pages++)
    {
        return_val = lock_page(page_pa[num_pages], OPERAND_ID_RDX, TDX_LOCK_EXCLUSIVE, PT_NDA, &block[num_pages],
                               &entry[num_pages], &is_locked[num_pages]);
        if (return_val != TDX_SUCCESS)
        {
            goto EXIT;
        }
    }
    return_val = TDX_SUCCESS;
EXIT:
    for (num_pages = 0; num_pages < MAX_NUM_PD_PAGES; num_pages++)
    {
        if (is_locked[num_pages])
        {
            pamt_unwalk(page_pa[num_pages], block[num_pages], entry[num_pages], TDX_LOCK_EXCLUSIVE);
        }
    }
    while (level > 0)
    {
        level = level - 1;
        pamt_unwalk(walk.pa[level], walk.block[level], walk.entry[level], TDX_LOCK_SHARED);
    }
    return return_val;
}

// An entry that is given back by a writer under a new name.
api_error_type tdh_mem_range_unblock(uint64_t gpa, uint64_t unused)
{
    tdcs_t*        tdcs_ptr = get_local_data()->vp_ctx.tdcs;
    ia32e_sept_t*  sept_entry = secure_ept_walk(tdcs_ptr, gpa);
    ia32e_sept_t   copy;
    api_error_type return_val = sept_lock_acquire_host(sept_entry);
    if (return_val != TDX_SUCCESS)
    {
        return api_error_with_operand_id(return_val, OPERAND_ID_RCX);
    }
    copy.raw = sept_entry->raw;
    sept_lock_release_local(&copy);
    atomically_update_sept_state_keep_ad_tdhp(&sept_entry->raw, copy.raw);
    return TDX_SUCCESS;
}

// A bit of a word that nothing describes, taken in the leaf itself.
api_error_type tdh_mem_scan_comp(uint64_t pa, uint64_t unused)
{
    uint64_t* context = map_pa_with_global_hkid(pa, TDX_RANGE_RW);
    if (_lock_bts_64b(context, 0))
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, OPERAND_ID_RCX);
    }
    (void)_lock_btr_64b(context, 0);
    return TDX_SUCCESS;
}

// A function that calls itself, level by level, and locks an entry at each.
static api_error_type scan_trees(tdcs_t* const tdcs_ptr, const uint64_t gpa, const uint64_t level)
{
    ia32e_sept_t*  entry = secure_ept_walk(tdcs_ptr, gpa);
    api_error_type status = sept_lock_acquire_host(entry);
    if (status != TDX_SUCCESS)
    {
        return api_error_with_operand_id(status, OPERAND_ID_RCX);
    }
    sept_lock_release(entry);
    for (uint64_t i = 0; (level > 0) && (i < 512); i++)
    {
        status = scan_trees(tdcs_ptr, gpa + i, level - 1);
        if (status != TDX_SUCCESS)
        {
            return status;
        }
    }
    return TDX_SUCCESS;
}

api_error_type tdh_mem_scan_range(uint64_t gpa, uint64_t level)
{
    return scan_trees(get_local_data()->vp_ctx.tdcs, gpa, level);
}

// The operand of a status is computed: of the place in a list, or of a level.
api_error_type tdh_iq_inv_process(uint64_t queues, uint64_t level)
{
    tdx_module_global_t* global = get_global_data();
    api_error_type return_val = TDX_SUCCESS;
    for (uint64_t curr_q = 1; curr_q <= queues; curr_q++)
    {
        return_val = acquire_sharex_lock_hp_ex(&global->iommu_configs[curr_q].lock, false);
        if (return_val != TDX_SUCCESS)
        {
            return api_error_with_operand_id(return_val, curr_q + OPERAND_ID_R8 - 1);
        }
        release_sharex_lock_hp_ex(&global->iommu_configs[curr_q].lock);
    }
    if (level > 3)
    {
        return api_error_with_operand_id(TDX_OPERAND_BUSY, level);
    }
    return TDX_SUCCESS;
}

// What is written in a way that 1.5 has not: braces in braces, words of a union, unnamed bits, casts to a union, binary numbers.
api_error_type tdg_devif_request(uint64_t index, uint64_t words)
{
    request_t      request = {{0}};
    devifmt_walk_t walk = {{0}};
    bool_t         is_found = false;
    api_error_type return_val = TDX_SUCCESS;
    request.raw.qwords[0] = words;
    if (((request_t)request).kind == 0b0101)
    {
        return_val = devifmt_find(index, DEVIFMT_GUEST_LOCK_MODE, &is_found, &walk);
        return_val = (return_val == TDX_SUCCESS) ? return_val : api_error_with_operand_id(return_val, OPERAND_ID_RCX);
    };
    if (is_found)
    {
        devifmt_give_back(walk.devifmt_path[0]);
    }
    return return_val;
}
