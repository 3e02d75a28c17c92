// The forms of a schedule and a collection: a workflow, when it runs, and the windows that it reads.

import { useData } from "./api.js";
import { Checkbox, CheckboxEntry, Entry, FormEnd, FormField, problemOf, useForm, Value } from "./form.js";
import { Chakra, html, useEffect, useState } from "./host.js";
import { CONTRACTS } from "./register_workflow.js";
import { time, windowOf, windowText } from "./time.js";
import { DataTable, Empty, Failure, Panel, Select, timeIn } from "./widgets.js";

const { Box, Flex, Grid, Input, Text } = Chakra;

const COMMON = { workflow_id: "", name: "", description: null, timezone: "UTC", values: {}, window: {} };
const NEW = {
  schedule: { ...COMMON, kind: "schedule", cron_expression: "0 6 * * *", is_active: true, late_after: null, result_contract: null, notify_on_success: false, attach_results: false },
  collection: { ...COMMON, kind: "collection", instance_id: "", start_date: null, end_date: null, late_after: null },
};
const TWO = { base: "1fr", md: "1fr 1fr" };
const THREE = { base: "1fr", md: "repeat(3, 1fr)" };
const ZONES = Intl.supportedValuesOf("timeZone");
const WINDOW_TYPES = [["", "from tick to tick, or the days to look back"], "MOST_RECENT_DAY", "MOST_RECENT_WEEK", "CURRENT_MONTH", "PREVIOUS_MONTH"];

// Workflows by a part of their name: a list of all could have thousands
export function useWorkflows(typed) {
  const [text, setText] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setText(typed), 300);
    return () => clearTimeout(timer);
  }, [typed]);
  return useData(`register/workflows?text=${encodeURIComponent(text)}`, { every: 0 });
}

function OtherWorkflow({ form, workflow, choose }) {
  const [typed, setTyped] = useState("");
  const request = useWorkflows(typed);
  const found = request.data ?? [];
  const known = workflow && !found.some((one) => one.id === workflow.id) ? [workflow, ...found] : found;
  const title = (one) => `${one.name} on ${one.instance_name} (${one.owner})`;
  return html`<${Grid} gap="3" templateColumns=${TWO}>
    <${FormField} label="Find a workflow by its name"><${Input} size="sm" value=${typed} onChange=${(event) => setTyped(event.target.value)} /><//>
    <${FormField} label="Workflow" help="The row belongs to the workflow's owner." problem=${problemOf(form, "workflow_id")}>
      <${Select} value=${form.row.workflow_id} onChange=${choose} options=${[["", "Choose a workflow"], ...known.map((one) => [one.id, title(one)])]} />
    <//>
    ${request.error && html`<${Failure} error=${request.error} reload=${request.reload} />`}
  <//>`;
}

function Values({ form, parameters }) {
  const values = form.row.values;
  const set = (name, value) => {
    const { [name]: before, ...others } = values;
    form.set("values", value === undefined ? others : { ...others, [name]: value });
  };
  const shown = (value) => (value === null ? "no value" : Array.isArray(value) ? value.join(", ") : value);
  const undeclared = Object.keys(values).filter((name) => !parameters.some((one) => one.name === name));
  if (parameters.length + undeclared.length === 0) return html`<${Empty}>The workflow has no parameters.<//>`;
  return html`<${Grid} as="ul" gap="3" listStyleType="none">
    ${parameters.map((one) => html`<${Grid} as="li" key=${one.name} gap="2" templateColumns=${{ base: "1fr", md: "14rem 1fr 8rem" }}>
      <${Box}><${Text} fontFamily="mono" fontSize="sm">${one.name} (${one.type})<//><${Text} fontSize="xs" color="fg.muted">${one.description}<//><//>
      <${Value} label="Value of ${one.name}" type=${one.type} value=${values[one.name]} placeholder=${`the workflow's: ${shown(one.value)}`} onChange=${(value) => set(one.name, value ?? undefined)} />
      ${!one.required && html`<${Checkbox} checked=${values[one.name] === null} onChange=${(on) => set(one.name, on ? null : undefined)}>send NULL<//>`}
    <//>`)}
    ${undeclared.map((name) => html`<li key=${name}><${Checkbox} checked=${false} onChange=${() => set(name, undefined)}>Remove ${name}, which the workflow does not declare<//></li>`)}
  <//>`;
}

const Zone = ({ form, label }) => html`<${Box}>
  <${Entry} form=${form} name="timezone" label=${label} list="amc-zones" help="An IANA name such as Europe/Madrid." />
  <datalist id="amc-zones">${ZONES.map((zone) => html`<option key=${zone} value=${zone} />`)}</datalist>
<//>`;

const Restatement = ({ form }) => html`
  <${Entry} form=${form} name="window.restate_days" label="Read again after days" placeholder="7, 14" help="Days after the window's end, larger than the lag." />
  <${Entry} form=${form} name="window.restate_threshold" label="Smallest share that counts as a change" placeholder="0.001" />`;

const LateAfter = ({ form }) => html`
  <${Entry} form=${form} name="late_after" label="Late after" nullable placeholder="6 hours" help="Empty: nobody is notified of late windows." />`;

const ScheduleFields = ({ form }) => html`
  <${Grid} gap="3" templateColumns=${TWO}>
    <${Entry} form=${form} name="cron_expression" label="Cron expression" help="Minute, hour, day of month, month, day of week." fontFamily="mono" />
    <${Zone} form=${form} label="Zone of the ticks and windows" />
  <//>
  <${Panel} title="Window">
    <${Grid} gap="3" templateColumns=${THREE}>
      <${Entry} form=${form} name="window.lag_days" label="Lag in days" placeholder="2" inputMode="numeric" />
      <${Entry} form=${form} name="window.lookback_days" label="Days to look back" placeholder="since the tick before" inputMode="numeric" />
      <${Entry} form=${form} name="window.type" label="Window" options=${WINDOW_TYPES} />
      <${Restatement} form=${form} />
      <${CheckboxEntry} form=${form} name="window.catchup">Catch up on ticks that were missed<//>
    <//>
  <//>
  <${Panel} title="Checks and notifications">
    <${Grid} gap="3" templateColumns=${THREE}>
      <${LateAfter} form=${form} />
      <${Entry} form=${form} name="result_contract" label="When the columns of results change" nullable options=${[["", "as the workflow says"], ...CONTRACTS]} />
      <${Box}>
        <${CheckboxEntry} form=${form} name="notify_on_success">Notify the owner of each result<//>
        <${CheckboxEntry} form=${form} name="attach_results">Attach the first rows to the mail<//>
        <${CheckboxEntry} form=${form} name="is_active">Active<//>
      <//>
    <//>
  <//>`;

const CollectionFields = ({ form, instances }) => html`
  <${Grid} gap="3" templateColumns=${TWO}>
    <${Entry} form=${form} name="instance_id" label="Instance" options=${[["", "Choose an instance"], ...instances.map((one) => [one.id, `${one.name} of ${one.owner}`])]} />
    <${Zone} form=${form} label="Zone of the weeks" />
    <${Entry} form=${form} name="start_date" label="First day" type="date" nullable />
    <${Entry} form=${form} name="end_date" label="Last day" type="date" nullable />
    <${Entry} form=${form} name="window.lag_days" label="Lag in days" placeholder="14" inputMode="numeric" help="A week runs so many days after its end." />
    <${LateAfter} form=${form} />
    <${Restatement} form=${form} />
  <//>`;

const Ticks = ({ rows }) => html`<${DataTable} label="Next ticks" rows=${rows} keyOf=${(row) => row.due_at}
  empty="No tick can be shown until the problems are corrected."
  columns=${[
    { title: "Tick", cell: (row) => timeIn(row.due_at, row.window_time_zone) },
    { title: "Window", cell: (row) => `${windowOf(row)}${row.window_type === "EXPLICIT" ? "" : ": AMC chooses it"}` },
  ]} />`;

const Weeks = ({ weeks }) => html`<${Text}>
  ${weeks.count} weeks from ${windowText(weeks.first.start, weeks.first.end, weeks.time_zone)} until ${windowText(weeks.last.start, weeks.last.end, weeks.time_zone)}.
  ${" "}${weeks.settled} of them can run at once; the last is due at ${time(weeks.last_due_at, weeks.time_zone)}.
<//>`;

export function DefinitionForm({ kind, id, stored, instances, canMove, chosen, onSaved }) {
  const isReady = (row) => Boolean(row.workflow_id && (kind === "schedule" ? row.cron_expression.trim() : row.instance_id && row.start_date && row.end_date));
  const form = useForm(stored ? { ...stored, kind } : { ...NEW[kind], workflow_id: chosen ?? "" }, { id, ready: isReady });
  const { row, answer } = form;
  const isStored = row.workflow_id === stored?.workflow_id;
  const lookup = useData(row.workflow_id && !isStored ? `register/workflow/${row.workflow_id}` : null, { every: 0 });
  const other = lookup.data;
  const workflow = isStored ? stored.workflow : other;

  useEffect(() => {
    if (kind === "collection" && other && !row.instance_id) form.set("instance_id", other.instance_id);
  }, [other]);

  return html`<${Flex} direction="column" gap="4">
    ${canMove
      ? html`<${OtherWorkflow} form=${form} workflow=${workflow} choose=${(value) => form.set("workflow_id", value)} />`
      : html`<${Text}>Workflow ${workflow.name} on ${workflow.instance_name} of ${workflow.owner}<//>`}
    <${Grid} gap="3" templateColumns=${TWO}>
      <${Entry} form=${form} name="name" label="Name" />
      <${Entry} form=${form} name="description" label="Description" nullable />
    <//>
    ${kind === "schedule" ? html`<${ScheduleFields} form=${form} />` : html`<${CollectionFields} form=${form} instances=${instances} />`}
    ${lookup.error && html`<${Failure} error=${lookup.error} reload=${lookup.reload} />`}
    ${workflow && html`<${Panel} title="Values of parameters"><${Values} form=${form} parameters=${workflow.parameters} /><//>`}
    <${Panel} title=${kind === "schedule" ? "Next ticks" : "Weeks"}>
      ${answer?.ticks ? html`<${Ticks} rows=${answer.ticks} />` : answer?.weeks ? html`<${Weeks} weeks=${answer.weeks} />` : html`<${Empty}>Fill in the fields above to see what would run.<//>`}
    <//>
    <${FormEnd} form=${form} onSaved=${onSaved} wanted=${kind === "schedule" ? "Choose a workflow and write a cron expression." : "Choose a workflow, an instance and both days."} />
  <//>`;
}
