/**
 * Makes docs/shown.md: `npm run shown-doc`. What the checker found in modules, each as the shortest run of it, with its preconditions and the
 * lines of the source that the run goes through.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { check } from "../src/check/index.ts";
import { loadScenario, type ScenarioOptions } from "../src/cli/scenarios.ts";
import { renderTraceText } from "../src/report/index.ts";

interface Finding {
  readonly title: string;
  readonly says: string;
  readonly needs: readonly string[];
  readonly notShown: string;
  readonly scenario: string;
  readonly options: ScenarioOptions;
  readonly property: string;
  /** What a step of the run is in the source, below `src/` of the module; in the order of the run. */
  readonly lines: readonly (readonly [step: string, source: string])[];
}

const FINDINGS: readonly Finding[] = [
  {
    title: "A vCPU is kept out of its TD for ever (1.5.01 to 1.5.16; later where #VE is disabled)",
    says: "TDH.VP.ENTER under zero-step suspicion looks whether a listed page would fault again, and takes a pending page for one that would. It then leaves as for an EPT violation without having entered. The host finds the page mapped and enters again; the guest, which alone could accept the page, never runs.",
    needs: [
      "A page that is not mapped is touched by one instruction, and the vCPU enters seven times in a row before the host maps it (STEPPING_EPF_THRESHOLD is 6: six faults are counted, the seventh is listed), without a VM exit at another instruction in between. A host that maps the page at the first fault, or tries again without entering, does not get there. Linux enters again when it has an event or a signal for the vCPU (6.19 tdx.c:1942), or when user space runs the vCPU again after KVM_EXIT_MEMORY_FAULT.",
      "Nobody else accepts the page: no other vCPU does.",
      "1.5.01 to 1.5.16: any TD. From 1.5.20: only a TD that has #VE of pending pages disabled (ATTRIBUTES.SEPT_VE_DISABLE, or TD_CTLS.PENDING_VE_DISABLE). Linux guests have it disabled, and accept pages before they touch them: what such a guest touches was accepted before and taken away by the host since. Without the filter its access would be a TD exit after which KVM ends the VM; with it the VM hangs.",
      "The TD exit that stands for the fault has no extended qualification (td_transitions/tdh_vp_enter.c:148), so that KVM cannot see that the page is pending.",
    ],
    notShown: "How often a host enters that often is not shown; nothing was tried on hardware.",
    scenario: "page-fault-in",
    options: {
      module: "1.5.05",
      vcpus: "1",
      pages: "1",
      set: ["progress=true", "zeroStep=counted", "abandonedFaults=6"],
    },
    property: "a vCPU that faulted runs its guest again",
    lines: [
      ["counted into the TD epoch", "td_transitions/tdh_vp_enter.c:726, common/helpers/helpers.c:2547"],
      ["no zero-step suspicion", "td_transitions/td_exit_stepping.c:325"],
      [
        "td-exit: EPT violation …",
        "td_dispatcher/vm_exits/td_ept_violation.c:132, td_transitions/td_exit_stepping.c:382 (counted), 402 (listed)",
      ],
      ["the page is pending", "vmm_dispatcher/api_calls/tdh_mem_page_aug.c:176"],
      ["zero-step suspected, acquire SEPT_TREE", "td_transitions/td_exit_stepping.c:331"],
      [
        "a listed page would fault",
        "td_transitions/td_exit_stepping.c:342, 158 (the walk ends in EPT_WALK_VIOLATION: a pending entry has no permissions, and supp_ve is set, common/memory_handlers/sept_manager.c:428)",
      ],
      ["TD exit as for an EPT violation, without entry", "td_transitions/tdh_vp_enter.c:778 to 788"],
      ["mapped already", "the host's: the page is in its page table"],
    ],
  },
  {
    title: "1.5.20: a guest's lock of a SEPT entry is wiped, and the module shuts down",
    says: "`atomically_update_sept_state_keep_masked_bits` writes the entry by a compare-exchange and then stores the same value once more. Where the value has the lock bit clear, the entry is free between the two. A guest that locks it there loses its lock to the store; its own release finds the entry unlocked, fails sanity check 8 and shuts the module down, for the whole machine. 1.5.24 has the compare-exchange alone.",
    needs: [
      "Module 1.5.20.",
      "One vCPU of a TD makes TDG.MEM.PAGE.ACCEPT, ATTR.RD or ATTR.WR on a page while the host augments, removes or unblocks this very page (PAGE.AUG:174, PAGE.REMOVE:228, RANGE.UNBLOCK:237; the same write is in SEPT.REMOVE:288 and IMPORT.MEM:1057, 1265, 1352, which this model does not have).",
      "The guest's lock instruction falls between the host's two instructions, which follow each other directly: a window of a few cycles.",
      "No way of handling BUSY keeps it out: nobody is BUSY in it. `kick-first` keeps vCPUs out of the removal, not out of the mapping of a page that another vCPU faulted on.",
    ],
    notShown:
      "How likely the window is to be hit is not shown; nothing was tried on hardware. Later runs, in which a guest that lost its lock goes on, are in the model (a removal can fail by it, 74 steps) and depend on a vCPU that stands still inside the module for long.",
    scenario: "page-fault-in",
    options: { module: "1.5.20", vcpus: "2", pages: "1" },
    property: "nobody releases a SEPT entry that is not locked (sanity check 8)",
    lines: [
      ["tdh_mem_page_aug: acquire SEPT_ENTRY", "common/helpers/tdx_locks.h:248 (sept_lock_acquire_host)"],
      [
        "release SEPT_ENTRY: the page is pending",
        "vmm_dispatcher/api_calls/tdh_mem_page_aug.c:174; common/memory_handlers/sept_manager.c:431, 812 (the compare-exchange)",
      ],
      [
        "the guest's acquire SEPT_ENTRY",
        "td_dispatcher/vm_exits/tdg_mem_page_attr_rd.c:79; common/helpers/tdx_locks.h:265",
      ],
      ["the same value is stored once more", "common/memory_handlers/sept_manager.c:838"],
      [
        "no host priority; the entry is read under its lock",
        "common/helpers/tdx_locks.h:273; td_dispatcher/vm_exits/tdg_mem_page_attr_rd.c:89",
      ],
      [
        "the guest's release SEPT_ENTRY",
        "td_dispatcher/vm_exits/tdg_mem_page_attr_rd.c:155; common/helpers/tdx_locks.h:284 (sanity check 8)",
      ],
    ],
  },
  {
    title: "A host that gives up leaves host priority, and a guest that insists is thrown out",
    says: "A host's call that finds a SEPT entry locked sets host priority, which only a host that gets the entry clears. A TDCALL that keeps meeting it for HP_LOCK_TIMEOUT (1 s unless the TD's owner says otherwise) ends in a TD exit with TDX_HOST_PRIORITY_BUSY_TIMEOUT (0x9000020500000000), which KVM does not know: user space gets KVM_EXIT_INTERNAL_ERROR. So \"no BUSY ends the VM at run time\" is true only of a host that tries again.",
    needs: [
      "A vCPU's mapping of a page (TDH.MEM.PAGE.AUG) is BUSY because another vCPU's TDCALL holds the entry, and the host enters the guest again instead of trying again, or does not run that vCPU for a second. Linux 6.16 and later try again at once unless the vCPU has an event or a signal.",
      "The other vCPU makes TDCALLs on that page again and again for HP_LOCK_TIMEOUT, and nothing but host priority answers them. A Linux guest does not: it gives up at the first BUSY (and panics, or fails the conversion).",
    ],
    notShown:
      "Nothing was tried on hardware. What user space does with KVM_EXIT_INTERNAL_ERROR is its own affair; QEMU stops the VM.",
    scenario: "page-fault-in",
    options: {
      module: "1.5.25",
      host: "linux-6.19",
      vcpus: "2",
      pages: "1",
      set: ["guest=[accept, insist, host-priority-timeout]"],
    },
    property: "TDX_HOST_PRIORITY_BUSY_TIMEOUT does not end the VM",
    lines: [
      ["tdg_mem_page_accept: acquire SEPT_ENTRY", "common/helpers/tdx_locks.h (sept_lock_acquire_guest)"],
      [
        "tdh_mem_page_aug: acquire SEPT_ENTRY, busy: host priority is set",
        "common/helpers/tdx_locks.h (sept_lock_acquire_host)",
      ],
      ["host priority: give way", "td_dispatcher/tdx_td_dispatcher.c:425 to 440 (the time is noted)"],
      ["HP_LOCK_TIMEOUT has passed", "td_dispatcher/tdx_td_dispatcher.c:442"],
      ["host priority for too long: TD exit", "td_dispatcher/tdx_td_dispatcher.c:448"],
      ["the end", "Linux 6.19 arch/x86/kvm/vmx/tdx.c:940 to 948, 2014, 2080"],
    ],
  },
  {
    title: "An accept that meets the mapping of its page is told that the page has another size (every 1.5)",
    says: "TDG.MEM.PAGE.ACCEPT walks to the page's entry without a lock, locks it, and reads it again; but whether the entry is a leaf it takes from the walk. A free entry counts as none. When the host maps the page in between, the accept finds an entry that is not free and, as it remembers, no leaf, and returns TDX_PAGE_SIZE_MISMATCH (0xC0000B0B00000000) with the level that it asked for. The page is pending and of the right size; the same accept, made again, would succeed.",
    needs: [
      "The entry is free when the accept walks to it, and TDH.MEM.PAGE.AUG of the same page and size completes before the accept locks the entry: the host maps the page because of another vCPU, or ahead of any fault. A host that maps a page only after the accept itself has left the TD does not get there.",
      "A guest that takes the status at its word. A Linux guest does: it tries the next smaller size, and where there is none it fails (arch_accept_memory panics). But its vCPUs do not accept one page at once, and touch no page that is not accepted; so it takes a host that maps ahead.",
    ],
    notShown:
      "How likely the window is to be hit is not shown: between walk and lock are some tens of instructions. Nothing was tried on hardware.",
    scenario: "page-fault-in",
    options: { module: "1.5.25", vcpus: "2", pages: "1", set: ["guest=[accept, walk-first, touch]"] },
    property: "an accept is never told that a page of its own size has another one",
    lines: [
      [
        "its walk finds the entry free",
        "td_dispatcher/vm_exits/tdg_mem_page_accept.c:184 (the walk), 187 (`is_leaf`); a free entry's leaf bit is clear: SEPT_STATE_FREE_ENCODING is 0xe, of which bits 5 and 6 are bits 6 and 7 of the entry (include/auto_gen_1_5/sept_state_lookup.h:81, common/memory_handlers/sept_manager.h:158)",
      ],
      [
        "release SEPT_ENTRY: the page is pending",
        "vmm_dispatcher/api_calls/tdh_mem_page_aug.c:174; SEPT_STATE_PENDING_ENCODING is 0x70: a leaf",
      ],
      [
        "acquire SEPT_ENTRY; no host priority",
        "td_dispatcher/vm_exits/tdg_mem_page_accept.c:87 (sept_lock_acquire_guest)",
      ],
      [
        "it was free when the call walked to it",
        "td_dispatcher/vm_exits/tdg_mem_page_accept.c:97 (the second read), 101 (the test), 203 (the status)",
      ],
    ],
  },
  {
    title: "Dynamic PAMT: two hosts refuse each other for ever",
    says: "TDH.PHYMEM.PAMT.ADD and REMOVE take the 2 MB PAMT entry SHARED and make it EXCLUSIVE then, which only a sole reader can. Two that have it SHARED refuse each other, give it back, and can meet like that again and again. A host needs a lock of its own around the call and its tries: by range where PAMT pages come from ranges that are not being given theirs, else one for all. No host lock helps against calls on 4 KB pages of the range, each of which holds the entry SHARED for a moment.",
    needs: [
      "Modules from 1.5.20 with dynamic PAMT enabled.",
      "Two calls on one 2 MB range at once, each tried again on BUSY. No bundled host makes these calls.",
    ],
    notShown: "That the two meet again and again takes the same timing each time; how long that lasts is not shown.",
    scenario: "dynamic-pamt",
    options: { module: "1.5.25" },
    property: "some call gets through",
    lines: [
      ["acquire PAMT_2M SHARED", "common/memory_handlers/pamt_manager.c:409"],
      [
        "acquire PAMT_2M EXCLUSIVE: made EXCLUSIVE",
        "common/memory_handlers/pamt_manager.c:421; common/helpers/tdx_locks.h (promote_sharex_lock_hp)",
      ],
      ["release PAMT_2M", "common/memory_handlers/pamt_manager.c (EXIT_FAILURE_RELEASE_ALL)"],
    ],
  },
];

async function section({ title, says, needs, notShown, scenario, options, property, lines }: Finding): Promise<string> {
  const { model, catalog, reproduce } = await loadScenario(scenario, options);
  const found = check(model).violations.find((violation) => violation.property === property);
  if (found === undefined) throw new Error(`${reproduce}: ${property} is not violated`);
  const table = lines.map(([step, source]) => `| ${step} | ${source} |`).join("\n");
  return `## ${title}

${says}

Preconditions:

${needs.map((need) => `- ${need}`).join("\n")}

${notShown}

\`seamlock check ${reproduce}\`

\`\`\`text
${renderTraceText(found.trace, catalog).trimEnd()}
\`\`\`

| step | source of module ${options.module} |
| --- | --- |
${table}
`;
}

/** The page as the checker finds its runs now. */
export async function shownDoc(): Promise<string> {
  const sections: string[] = [];
  for (const finding of FINDINGS) sections.push(await section(finding));
  return `# What was shown of modules and hosts

Made by \`npm run shown-doc\`; do not edit. Each finding is a run that \`seamlock check\` found and that can be followed in the source, line by line; what it needs is said before it,
and no more is claimed than the run shows. docs/verdicts.md has the tables, docs/model.md what the model leaves out.

${sections.join("\n")}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(join(import.meta.dirname, "..", "docs", "shown.md"), await shownDoc());
