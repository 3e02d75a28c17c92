// Dialogs that ask for runs of a schedule: one run, or a backfill with a preview of its windows.

import { useData, useSend } from "./api.js";
import { Chakra, html, useState } from "./host.js";
import { windowText } from "./time.js";
import { Choice, Content, count, DataTable, Failure, State } from "./widgets.js";

const { Box, Button, CloseButton, Dialog, Flex, Input, Portal, Text } = Chakra;

const BEHAVIORS = [
  ["none", "Leave them as they are"],
  ["failed", "Run them again if they failed"],
  ["completed", "Run all of them again"],
];

const DialogBox = ({ title, close, children, footer }) => html`
  <${Dialog.Root} open=${true} onOpenChange=${({ open }) => open || close()} scrollBehavior="inside" size="lg">
    <${Portal}>
      <${Dialog.Backdrop} />
      <${Dialog.Positioner}>
        <${Dialog.Content}>
          <${Dialog.Header}><${Dialog.Title}>${title}<//><//>
          <${Dialog.Body}>${children}<//>
          <${Dialog.Footer}>${footer}<//>
          <${Dialog.CloseTrigger} asChild><${CloseButton} size="sm" aria-label="Close" /><//>
        <//>
      <//>
    <//>
  <//>`;

const Day = ({ label, value, onChange }) => html`
  <${Flex} as="label" align="center" gap="2" fontSize="sm">${label}
    <${Input} type="date" size="sm" w="auto" value=${value} onChange=${(event) => onChange(event.target.value)} />
  <//>`;

export function RunDialog({ row, close, sent }) {
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const request = useSend(sent);
  const isComplete = Boolean(first) === Boolean(last);
  const body = { action: "RUN", from_date: first || null, to_date: last || null };
  return html`<${DialogBox} title="Run ${row.name} now" close=${close}
    footer=${html`<${Button} loading=${request.busy} disabled=${!isComplete} onClick=${() => request.run("POST", `definitions/${row.dag_id}/requests`, body)}>Run now<//>`}>
    <${Text} mb="3">Without days, the run reads the latest complete window. Both days are included, in ${row.time_zone}.<//>
    <${Flex} gap="4" wrap="wrap">
      <${Day} label="First day" value=${first} onChange=${setFirst} />
      <${Day} label="Last day" value=${last} onChange=${setLast} />
    <//>
    ${!isComplete && html`<${Text} mt="2">Name both days, or neither.<//>`}
    ${request.error && html`<${Failure} error=${request.error} />`}
  <//>`;
}

const Preview = ({ plan }) => {
  const isTooMany = Math.max(plan.windows.length, plan.count) > plan.limit;
  return html`
    <${Text} my="3" fontWeight="semibold" role="status">
      ${isTooMany
        ? `More than ${count(plan.limit)} windows start on these days. Choose fewer days.`
        : `${count(plan.count)} of ${count(plan.windows.length)} windows will run.`}
    <//>
    ${!isTooMany && html`<${Box} maxH="64" overflowY="auto">
      <${DataTable} label="Windows of the backfill" rows=${plan.windows} keyOf=${(one) => one.window_start} empty="No window that has ended starts on these days."
        columns=${[
          { title: "Window", cell: (one) => windowText(one.window_start, one.window_end, plan.time_zone) },
          { title: "Its run", cell: (one) => html`<${State} of=${one.status} />` },
          { title: "Will run", cell: (one) => (one.runs ? "yes" : "no") },
        ]} />
    <//>`}`;
};

export function BackfillDialog({ row, close, sent }) {
  const [first, setFirst] = useState("");
  const [last, setLast] = useState("");
  const [behavior, setBehavior] = useState("none");
  const request = useSend(sent);
  const body = { action: "BACKFILL", from_date: first, to_date: last, reprocess_behavior: behavior };
  const isNamed = Boolean(first && last && first <= last);
  const query = new URLSearchParams({ from_date: first, to_date: last, reprocess_behavior: behavior });
  const preview = useData(isNamed ? `schedules/${row.id}/backfill?${query}` : null, { every: 0 });
  const plan = isNamed ? preview.data : null;
  const isSendable = plan !== null && plan.count > 0 && Math.max(plan.windows.length, plan.count) <= plan.limit;
  return html`<${DialogBox} title="Backfill ${row.name}" close=${close}
    footer=${html`<${Button} loading=${request.busy} disabled=${!isSendable} onClick=${() => request.run("POST", `definitions/${row.dag_id}/requests`, body)}>
      ${isSendable ? `Run windows (${count(plan.count)})` : "Run windows"}<//>`}>
    <${Text} mb="3">A backfill runs the windows that start on these days and have ended. Both days are included, in ${row.time_zone}.<//>
    <${Flex} gap="4" wrap="wrap">
      <${Day} label="First day" value=${first} onChange=${setFirst} />
      <${Day} label="Last day" value=${last} onChange=${setLast} />
      <${Choice} label="Windows that have a run" options=${BEHAVIORS} value=${behavior} onChange=${setBehavior} />
    <//>
    ${first && last && first > last && html`<${Text} mt="2">The last day lies before the first one.<//>`}
    ${isNamed && html`<${Content} request=${preview}>${(data) => html`<${Preview} plan=${data} />`}<//>`}
    ${request.error && html`<${Failure} error=${request.error} />`}
  <//>`;
}
