/** An address that asks for what is not here: said, with what can be chosen instead. Nothing is computed until then. */
import type { VNode } from "preact";
import type { AddressFault } from "../logic/address.ts";
import { entryTitle } from "../logic/entry-id.ts";
import { formatRoute, type View } from "../logic/route.ts";
import { faults, linkTo, route, setParams } from "./store.ts";

/** Stands where the view would be. */
export function AddressFaults(): VNode {
  return (
    <div class="notice" role="alert">
      {faults.value.map((fault) => (
        <FaultLine key={fault.name} fault={fault} />
      ))}
      <p>Nothing is shown until the address says what is meant.</p>
    </div>
  );
}

const SHOWN = 4;

function FaultLine({ fault }: { readonly fault: AddressFault }): VNode {
  const { name, message, choices } = fault;
  const near = choices.slice(0, SHOWN);
  const to = (choice: string): string =>
    name === ""
      ? linkTo(choice as View)
      : formatRoute({ ...route.value, params: { ...route.value.params, [name]: choice } });
  return (
    <>
      <p>
        <b>{message}</b>
      </p>
      <p class="choices">
        {near.map((choice) => (
          <a key={choice} class="button" href={to(choice)}>
            {entryTitle(choice)}
          </a>
        ))}
        {choices.length > SHOWN ? (
          <select aria-label={`Choose ${name}`} onChange={(event) => setParams({ [name]: event.currentTarget.value })}>
            <option value="">another …</option>
            {choices.slice(SHOWN).map((choice) => (
              <option key={choice} value={choice}>
                {entryTitle(choice)}
              </option>
            ))}
          </select>
        ) : null}
        {name === "" ? null : (
          <button type="button" onClick={() => setParams({ [name]: "" })}>
            without it
          </button>
        )}
      </p>
    </>
  );
}
