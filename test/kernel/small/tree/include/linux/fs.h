/* Files, and the lock of what is cached of them, behind a function. */
#ifndef SMALL_FS_H
#define SMALL_FS_H

struct address_space {
	struct inode *host;
	struct rw_semaphore invalidate_lock;
};

struct inode {
	struct address_space *i_mapping;
};

struct file {
	struct address_space *f_mapping;
	void *private_data;
};

static inline void filemap_invalidate_lock(struct address_space *mapping)
{
	down_write(&mapping->invalidate_lock);
}

static inline void filemap_invalidate_unlock(struct address_space *mapping)
{
	up_write(&mapping->invalidate_lock);
}

static inline void filemap_invalidate_lock_shared(struct address_space *mapping)
{
	down_read(&mapping->invalidate_lock);
}

static inline void filemap_invalidate_unlock_shared(struct address_space *mapping)
{
	up_read(&mapping->invalidate_lock);
}

#endif
