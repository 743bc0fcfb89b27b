//! The reference model M(v, p, t) of `bench/models/enter-and-zap.ts` for stateright, written by hand: the same states, one step an
//! acquire or a release. `enter-and-zap VCPUS PAGES THRESHOLD WORKERS` prints what it counted as JSON.
use stateright::{Checker, Model, Property};

const MOST: usize = 4;

/// A sharex lock: shared holders, held exclusively, host priority.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
struct Lock {
    shared: u8,
    exclusive: bool,
    priority: bool,
}

impl Lock {
    fn is_free(&self) -> bool {
        !self.exclusive && self.shared == 0
    }
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
enum Mapping {
    #[default]
    Free,
    Pending,
    Accepted,
    Blocked,
    Removed,
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
struct Page {
    lock: Lock,
    mapping: Mapping,
}

/// Where a vCPU stands; the names of the original.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
enum At {
    #[default]
    E0,
    E1,
    E2,
    E3,
    E4,
    E5,
    E6,
    E7,
    B4,
    B2,
    B1,
    B0,
    G,
    A1,
    X1,
    X2,
    H0,
    H1,
    H2,
    H3,
    H4,
    H5,
    H7,
    H8,
    H9,
    H10,
}

#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
struct Vcpu {
    at: At,
    page: u8,
    zero_steps: u8,
    /// 0: out; else one more than the epoch it entered in.
    epoch: u8,
    lock: Lock,
}

/// Where the zapper stands.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
enum Zap {
    #[default]
    Z0,
    Z1,
    Z2,
    Z3,
    Z4,
    Z5,
    Z6,
    Z7,
    Z8,
    T1,
    T2,
    T3,
    T4,
    T5,
    T6,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    ZU,
}

#[derive(Clone, Debug, Default, Hash, PartialEq, Eq)]
struct State {
    tdr: Lock,
    tdcs: Lock,
    epoch_lock: Lock,
    sept: Lock,
    mmu: Lock,
    epoch: u8,
    pages: [Page; MOST],
    vcpus: [Vcpu; MOST],
    zap: Zap,
    zapped: u8,
    done: bool,
    /// An assertion of the model failed.
    failed: bool,
}

impl State {
    /// No vCPU runs since an earlier epoch.
    fn no_old(&self) -> bool {
        self.vcpus.iter().all(|vcpu| vcpu.epoch == 0 || vcpu.epoch == 1 + self.epoch)
    }
    fn check(&mut self, holds: bool) {
        self.failed |= !holds;
    }
}

/// Shared, host side: a failed try leaves the host-priority bit set. Was it taken?
fn host_shared(lock: &mut Lock) -> bool {
    lock.priority = lock.exclusive;
    lock.shared += u8::from(!lock.exclusive);
    !lock.exclusive
}

fn shared(lock: &mut Lock) -> bool {
    lock.shared += u8::from(!lock.exclusive);
    !lock.exclusive
}

fn exclusive(lock: &mut Lock) -> bool {
    let free = lock.is_free();
    lock.exclusive |= free;
    free
}

/// The lock of a SEPT entry, host side.
fn entry(lock: &mut Lock) -> bool {
    lock.priority = lock.exclusive;
    let free = !lock.exclusive;
    lock.exclusive = true;
    free
}

struct EnterAndZap {
    vcpus: usize,
    pages: usize,
    threshold: u8,
}

/// A step: of a vCPU or, after the last of them, of the zapper; and which of its ways.
type Step = (u8, Way);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    On,
    Accept(u8),
    SameRip(u8),
    NewRip(u8),
    Pick(u8),
}

impl EnterAndZap {
    fn vcpu(&self, s: &mut State, i: usize, way: Way) {
        use At::*;
        let mut me = s.vcpus[i];
        let page = me.page as usize;
        let pick = |taken: bool, then: At, otherwise: At| if taken { then } else { otherwise };
        me.at = match me.at {
            E0 => {
                me.lock.exclusive = true;
                me.lock.priority = false;
                E1
            }
            E1 => pick(host_shared(&mut s.tdr), E2, B0),
            E2 => pick(host_shared(&mut s.tdcs), E3, B1),
            E3 => pick(shared(&mut s.epoch_lock), if me.zero_steps >= self.threshold { E4 } else { E6 }, B2),
            E4 => pick(exclusive(&mut s.sept), E5, B4),
            E5 => {
                s.check(s.sept.shared == 0);
                s.sept.exclusive = false;
                E6
            }
            E6 => {
                me.epoch = 1 + s.epoch;
                s.epoch_lock.shared -= 1;
                E7
            }
            E7 => {
                s.tdcs.shared -= 1;
                G
            }
            B4 => {
                s.epoch_lock.shared -= 1;
                B2
            }
            B2 => {
                s.tdcs.shared -= 1;
                B1
            }
            B1 => {
                s.tdr.shared -= 1;
                B0
            }
            B0 => {
                me.lock.exclusive = false;
                E0
            }
            G => match way {
                Way::Accept(x) => {
                    s.pages[x as usize].lock.exclusive = true;
                    me.page = x;
                    A1
                }
                Way::SameRip(x) => {
                    me.page = x;
                    me.zero_steps = (me.zero_steps + 1).min(self.threshold);
                    X1
                }
                Way::NewRip(x) => {
                    me.page = x;
                    me.zero_steps = 0;
                    X1
                }
                _ => unreachable!(),
            },
            A1 => {
                s.pages[page].lock.exclusive = false;
                if s.pages[page].mapping == Mapping::Pending {
                    s.pages[page].mapping = Mapping::Accepted;
                }
                me.page = 0;
                G
            }
            X1 => {
                me.epoch = 0;
                s.tdr.shared -= 1;
                X2
            }
            X2 => {
                me.lock.exclusive = false;
                H0
            }
            H0 => {
                s.mmu.shared += 1;
                H1
            }
            H1 => pick(host_shared(&mut s.tdr), H2, H10),
            H2 => pick(host_shared(&mut s.tdcs), H3, H9),
            H3 => pick(shared(&mut s.sept), H4, H8),
            H4 => pick(entry(&mut s.pages[page].lock), H5, H7),
            H5 => {
                s.check(s.sept.shared > 0 && !s.sept.exclusive);
                if matches!(s.pages[page].mapping, Mapping::Free | Mapping::Removed) {
                    s.pages[page].mapping = Mapping::Pending;
                }
                s.pages[page].lock.exclusive = false;
                H7
            }
            H7 => {
                s.sept.shared -= 1;
                H8
            }
            H8 => {
                s.tdcs.shared -= 1;
                H9
            }
            H9 => {
                s.tdr.shared -= 1;
                H10
            }
            H10 => {
                s.mmu.shared -= 1;
                me.page = 0;
                E0
            }
        };
        s.vcpus[i] = me;
    }

    /// Leaves a call: on to `then` when it succeeded, else again.
    fn finish(&self, s: &mut State, then: Zap, again: Zap) -> Zap {
        s.tdr.shared -= 1;
        let done = std::mem::take(&mut s.done);
        if done { then } else { again }
    }

    fn zapper(&self, s: &mut State, way: Way) {
        use Zap::*;
        let page = s.zapped as usize;
        let pick = |taken: bool, then: Zap, otherwise: Zap| if taken { then } else { otherwise };
        s.zap = match s.zap {
            Z0 => {
                s.mmu.exclusive = true;
                s.zapped = if let Way::Pick(x) = way { x } else { unreachable!() };
                Z1
            }
            Z1 => pick(host_shared(&mut s.tdr), Z2, Z1),
            Z2 => pick(host_shared(&mut s.tdcs), Z3, Z8),
            Z3 => pick(exclusive(&mut s.sept), Z4, Z7),
            Z4 => pick(entry(&mut s.pages[page].lock), Z5, Z6),
            Z5 => {
                s.check(
                    matches!(s.pages[page].mapping, Mapping::Pending | Mapping::Accepted) && s.sept.shared == 0,
                );
                s.pages[page].mapping = Mapping::Blocked;
                s.pages[page].lock.exclusive = false;
                s.done = true;
                Z6
            }
            Z6 => {
                s.sept.exclusive = false;
                Z7
            }
            Z7 => {
                s.tdcs.shared -= 1;
                Z8
            }
            Z8 => self.finish(s, T1, Z1),
            T1 => pick(host_shared(&mut s.tdr), T2, T1),
            T2 => pick(host_shared(&mut s.tdcs), T3, T6),
            T3 => pick(exclusive(&mut s.epoch_lock), T4, T5),
            T4 => {
                s.epoch_lock.exclusive = false;
                if s.no_old() {
                    s.epoch = 1 - s.epoch;
                    s.done = true;
                }
                T5
            }
            T5 => {
                s.tdcs.shared -= 1;
                T6
            }
            T6 => self.finish(s, R1, T1),
            R1 => pick(host_shared(&mut s.tdr), R2, R1),
            R2 => pick(host_shared(&mut s.tdcs), R3, R8),
            R3 => pick(shared(&mut s.sept), R4, R7),
            R4 => pick(entry(&mut s.pages[page].lock), R5, R6),
            R5 => {
                s.check(s.pages[page].mapping == Mapping::Blocked && s.sept.shared > 0);
                s.pages[page].lock.exclusive = false;
                if s.no_old() {
                    s.pages[page].mapping = Mapping::Removed;
                    s.done = true;
                }
                R6
            }
            R6 => {
                s.sept.shared -= 1;
                R7
            }
            R7 => {
                s.tdcs.shared -= 1;
                R8
            }
            R8 => self.finish(s, ZU, R1),
            ZU => {
                s.mmu.exclusive = false;
                s.zapped = 0;
                Z0
            }
        };
    }
}

impl Model for EnterAndZap {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, s: &State, actions: &mut Vec<Step>) {
        let pages = 0..self.pages as u8;
        for i in 0..self.vcpus {
            let me = i as u8;
            match s.vcpus[i].at {
                At::E0 if s.vcpus[i].lock.exclusive => {}
                At::H0 if s.mmu.exclusive => {}
                At::G => {
                    for x in pages.clone() {
                        let Lock { exclusive, priority, .. } = s.pages[x as usize].lock;
                        if !exclusive && !priority {
                            actions.push((me, Way::Accept(x)));
                        }
                        actions.push((me, Way::SameRip(x)));
                        actions.push((me, Way::NewRip(x)));
                    }
                }
                _ => actions.push((me, Way::On)),
            }
        }
        let zapper = self.vcpus as u8;
        if s.zap != Zap::Z0 {
            actions.push((zapper, Way::On));
        } else if s.mmu.is_free() {
            for x in pages {
                if matches!(s.pages[x as usize].mapping, Mapping::Pending | Mapping::Accepted) {
                    actions.push((zapper, Way::Pick(x)));
                }
            }
        }
    }

    fn next_state(&self, last: &State, (process, way): Step) -> Option<State> {
        let mut next = last.clone();
        if (process as usize) < self.vcpus {
            self.vcpu(&mut next, process as usize, way);
        } else {
            self.zapper(&mut next, way);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("assertions", |_, state: &State| !state.failed)]
    }
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let [vcpus, pages, threshold, workers] = sizes[..] else {
        panic!("usage: enter-and-zap VCPUS PAGES THRESHOLD WORKERS");
    };
    assert!(vcpus <= MOST && pages <= MOST, "at most {MOST} vCPUs and pages");
    let model = EnterAndZap { vcpus, pages, threshold: threshold as u8 };
    let checker = model.checker().threads(workers).spawn_bfs().join();
    println!(
        "{{\"states\":{},\"generated\":{},\"holds\":{}}}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.discoveries().is_empty()
    );
}
