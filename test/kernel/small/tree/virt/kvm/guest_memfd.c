/* A file of private memory: its lock is behind a wrapper, and there is one per file. */
#include <linux/kvm_host.h>
#include "kvm_mm.h"

struct pen_file {
	struct kvm *kvm;
	struct list_head entry;
};

typedef int (*pen_populate_cb)(struct kvm *kvm, void *opaque);

static void pen_file_zap(struct pen_file *f)
{
	struct kvm *kvm = f->kvm;

	KVM_MMU_LOCK(kvm);
	tdh_mem_track(&to_kvm_tdx(kvm)->td); /* @lock-behind-macro */
	KVM_MMU_UNLOCK(kvm);
}

static long pen_punch(struct inode *inode)
{
	struct pen_file *f;

	filemap_invalidate_lock(inode->i_mapping);
	list_for_each_entry(f, pen_files_of(inode), entry)
		pen_file_zap(f);
	filemap_invalidate_unlock(inode->i_mapping);
	return 0;
}

static long kvm_gmem_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	return mode & FALLOC_FL_PUNCH_HOLE ? pen_punch(file_inode(file)) : 0;
}

static int kvm_gmem_release(struct inode *inode, struct file *file)
{
	struct pen_file *f = file->private_data;

	mutex_lock(&f->kvm->slots_lock);
	filemap_invalidate_lock(inode->i_mapping);
	pen_file_zap(f);
	filemap_invalidate_unlock(inode->i_mapping);
	mutex_unlock(&f->kvm->slots_lock);
	kvm_put_kvm(f->kvm);
	return 0;
}

static struct file_operations kvm_gmem_fops = {
	.release = kvm_gmem_release,
	.fallocate = kvm_gmem_fallocate,
};

static int kvm_gmem_error_folio(struct address_space *mapping, struct folio *folio)
{
	struct pen_file *f;

	filemap_invalidate_lock_shared(mapping);
	list_for_each_entry(f, pen_files_of(mapping->host), entry)
		pen_file_zap(f);
	filemap_invalidate_unlock_shared(mapping);
	return MF_DELAYED;
}

static const struct address_space_operations kvm_gmem_aops = {
	.error_remove_folio = kvm_gmem_error_folio,
};

/* The callback is the caller's. */
long pen_populate(struct kvm *kvm, struct file *file, pen_populate_cb populate, void *opaque)
{
	long ret;

	filemap_invalidate_lock(file->f_mapping);
	ret = populate(kvm, opaque);
	filemap_invalidate_unlock(file->f_mapping);
	return ret;
}
