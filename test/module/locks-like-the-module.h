/* Locks that do what the module's do, in words of our own: sharex_hp and SEPT entries as from 1.5.34 on, where a guest looks first. */
#ifndef LOCKS_LIKE_THE_MODULE_H
#define LOCKS_LIKE_THE_MODULE_H

#define ONE_READER    4
#define PRIORITY      2
#define WRITER        1
#define MOST_READERS  0x3FFF

FIXTURE_STATIC api_error_type acquire_sharex_lock_hp_sh(sharex_hp_lock_t* word, bool_t is_guest)
{
    sharex_hp_lock_t seen = { .raw = 0 };
    if (is_guest && (word->raw & PRIORITY)) { return TDX_OPERAND_BUSY_HOST_PRIORITY; }
    seen.raw = _lock_xadd_16b(&word->raw, ONE_READER);
    if (seen.exclusive)
    {
        if (!is_guest) { _lock_or_16b(&word->raw, PRIORITY); }
        return TDX_OPERAND_BUSY;
    }
    if (is_guest)
    {
        tdx_sanity_check(seen.counter != MOST_READERS, 3, 10);
        return TDX_SUCCESS;
    }
    if (seen.host_prio) { _lock_and_16b(&word->raw, (uint16_t)~PRIORITY); }
    tdx_sanity_check(seen.counter != MOST_READERS, 3, 11);
    return TDX_SUCCESS;
}

FIXTURE_STATIC api_error_type acquire_sharex_lock_hp_ex(sharex_hp_lock_t* word, bool_t is_guest)
{
    uint16_t seen = _lock_cmpxchg_16b(0, WRITER, &word->raw);
    if (seen == 0) { return TDX_SUCCESS; }
    if (is_guest) { return (seen == PRIORITY) ? TDX_OPERAND_BUSY_HOST_PRIORITY : TDX_OPERAND_BUSY; }
    if (seen != PRIORITY)
    {
        _lock_or_16b(&word->raw, PRIORITY);
        return TDX_OPERAND_BUSY;
    }
    seen = _lock_cmpxchg_16b(PRIORITY, WRITER, &word->raw);
    return (seen == PRIORITY) ? TDX_SUCCESS : TDX_OPERAND_BUSY;
}

FIXTURE_STATIC void release_sharex_lock_hp_sh(sharex_hp_lock_t* word)
{
    sharex_hp_lock_t seen;
    seen.raw = _lock_xadd_16b(&word->raw, (uint16_t)-ONE_READER);
    tdx_sanity_check(seen.exclusive == 0 && seen.counter != 0, 3, 13);
}

FIXTURE_STATIC void release_sharex_lock_hp_ex(sharex_hp_lock_t* word)
{
    tdx_sanity_check(word->exclusive, 3, 14);
    _lock_and_16b(&word->raw, PRIORITY);
}

FIXTURE_STATIC api_error_type sept_lock_acquire_host(ia32e_sept_t* entry)
{
    if (_lock_bts_64b(&entry->raw, SEPT_ENTRY_TDEL_BIT_POSITION) != 0)
    {
        (void)_lock_bts_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);
        return TDX_OPERAND_BUSY;
    }
    (void)_lock_btr_64b(&entry->raw, SEPT_ENTRY_TDHP_BIT_POSITION);
    return TDX_SUCCESS;
}

FIXTURE_STATIC api_error_type sept_lock_acquire_guest(ia32e_sept_t* entry)
{
    if (entry->tdhp) { return TDX_OPERAND_BUSY_HOST_PRIORITY; }
    return _lock_bts_64b(&entry->raw, SEPT_ENTRY_TDEL_BIT_POSITION) ? TDX_OPERAND_BUSY : TDX_SUCCESS;
}

FIXTURE_STATIC void sept_lock_release(ia32e_sept_t* entry)
{
    tdx_sanity_check(entry->tdel, 3, 8);
    (void)_lock_btr_64b(&entry->raw, SEPT_ENTRY_TDEL_BIT_POSITION);
}

#endif
