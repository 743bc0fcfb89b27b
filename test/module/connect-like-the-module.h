// Types of what releases with TDX Connect lock, in words of our own.
#ifndef CONNECT_LIKE_THE_MODULE_H
#define CONNECT_LIKE_THE_MODULE_H

#define TOT_NUM_IOMMUS              128
#define DEVIFMT_LOCK_BIT_IDX        1
#define DEVIFMT_HP_BIT_IDX          2
#define DEVIFMT_HP_LOCK_MODE        (false)
#define DEVIFMT_GUEST_LOCK_MODE     (true)
#define MMIOMT_ENTRY_XLOCK_BIT      0
#define RTE_PDE_PASIDTE_LOCK_BIT    11
#define SPDMDIR_ENTRY_LOCK_BIT_OFS  0
#define MAX_NUM_PD_PAGES            32

typedef unsigned int uint32_t;

typedef union
{
    struct
    {
        uint64_t present : 1;
        uint64_t lock    : 1;
        uint64_t hp      : 1;
        uint64_t pa      : 61;
    };
    uint64_t raw;
} devifmt_entry_t;

typedef struct { devifmt_entry_t* devifmt_path[5]; } devifmt_walk_t;
typedef struct { sharex_hp_lock_t lock; uint64_t value; } iommu_config_t;
typedef struct { mutex_lock_t tx_lock; mutex_lock_t rx_lock; } spdm_page_t;
typedef struct { uint32_t mmiomt_raw32; } mmiomt_entry_t;
typedef struct { uint32_t dmar_raw32; } dmar_entry_t;
typedef struct { pa_t pa[3]; pamt_block_t block[3]; pamt_entry_t* entry[3]; } table_walk_t;

typedef union
{
    struct
    {
        uint64_t kind  : 4;
        uint64_t       : 28;
        uint64_t level : 3;
        uint64_t       : 29;
        uint64_t pages[1];
    };
    struct { uint64_t qwords[2]; } raw;
} request_t;

static inline void sept_lock_release_local(ia32e_sept_t* entry)
{
    entry->raw = entry->raw & ~(1ULL << SEPT_ENTRY_TDEL_BIT_POSITION);
}

static inline api_error_type acquire_bit_lock(uint32_t* word, uint32_t bit)
{
    bool_t was = _lock_bts_32b(word, bit);
    return was ? TDX_OPERAND_BUSY : TDX_SUCCESS;
}

static inline void release_bit_lock(uint32_t* word, uint32_t bit)
{
    bool_t was = _lock_btr_32b(word, bit);
    tdx_sanity_check(was != 0, 3, 18);
}

#endif
