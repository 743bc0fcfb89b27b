/* The lock behind a macro. */
#ifndef SMALL_KVM_MM_H
#define SMALL_KVM_MM_H

#ifdef KVM_HAVE_MMU_RWLOCK
#define KVM_MMU_LOCK(kvm)	write_lock(&(kvm)->mmu_lock)
#define KVM_MMU_UNLOCK(kvm)	write_unlock(&(kvm)->mmu_lock)
#else
#define KVM_MMU_LOCK(kvm)	spin_lock(&(kvm)->mmu_lock)
#define KVM_MMU_UNLOCK(kvm)	spin_unlock(&(kvm)->mmu_lock)
#endif

#endif
