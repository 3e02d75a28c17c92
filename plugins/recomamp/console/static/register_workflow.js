// The form of a workflow: a query, a field for each of its parameters, and what AMC says of it.

import { useData } from "./api.js";
import { Checkbox, CheckboxEntry, Entry, FormEnd, goTo, problemOf, Sql, useForm, Value } from "./form.js";
import { Chakra, html, useEffect, useRef } from "./host.js";
import { useZone } from "./time.js";
import { Content, DataTable, Panel, Select, State, timeIn } from "./widgets.js";

const { Box, Button, Flex, Grid, Text } = Chakra;

const SCALARS = ["STRING", "LONG", "INTEGER", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMP"];
const TYPES = [...SCALARS, ...SCALARS.map((type) => `ARRAY<${type}>`)];

const NEW = {
  kind: "workflow", instance_id: "", name: "", description: null, sql_query: "", parameters: [], tags: [], result_contract: "EVOLVE",
  privacy_filtering: "REMOVE_ROWS", counts_hidden_rows: false, disable_aggregation_controls: false,
};

function Parameters({ form }) {
  const fields = form.row.parameters;
  const set = (index, part) =>
    form.set("parameters", fields.map((field, at) => (at === index ? { ...field, ...part } : field)));
  const isUsed = ({ name }) => new RegExp(`\\{\\{\\s*${name}\\s*\\}\\}|CUSTOM_PARAMETER\\(\\s*'${name}'`, "i").test(form.row.sql_query);
  if (fields.length === 0) {
    return html`<${Text} color="fg.muted">Write ${"{{name}}"} into the query for each value that schedules choose. start_date, end_date, time_window_start and time_window_end are filled in by the window.<//>`;
  }
  return html`<${Grid} as="ul" gap="3" listStyleType="none">${fields.map((field, index) => html`
    <${Grid} as="li" key=${field.name} gap="2" alignItems="start" templateColumns=${{ base: "1fr", md: "10rem 10rem 1fr 1fr auto" }}>
      <${Text} fontFamily="mono" fontSize="sm" pt="1" overflowWrap="anywhere">${field.name}<//>
      <${Select} aria-label="Type of ${field.name}" value=${field.type} options=${TYPES} onChange=${(type) => set(index, { type, value: null })} />
      <${Value} label="Default of ${field.name}" type=${field.type} value=${field.value} placeholder=${field.type.startsWith("ARRAY") ? "default, one in each line" : "default"} onChange=${(value) => set(index, { value })} />
      <${Value} label="Description of ${field.name}" type="STRING" value=${field.description} placeholder="description" onChange=${(text) => set(index, { description: text ?? "" })} />
      ${isUsed(field)
        ? html`<${Checkbox} checked=${!field.required} onChange=${(optional) => set(index, { required: !optional })}>may be NULL<//>`
        : html`<${Button} size="xs" variant="outline" onClick=${() => form.set("parameters", fields.filter((one) => one !== field))}>Remove ${field.name}, which the query does not use<//>`}
    <//>`)}<//>`;
}

const SAYS = { ACCEPTED: "AMC accepts the query.", REFUSED: "AMC refuses the query", INVALID: "The query was not sent", UNKNOWN: "AMC has not answered about the query" };

export function Answers({ id }) {
  const zone = useZone();
  const request = useData(`register/workflow/${id}/answers`, { every: 5 });
  const words = (row) => [SAYS[row.status], row.message].filter(Boolean).join(": ");
  return html`<${Panel} title="What AMC says of the saved query">
    <${Content} request=${request}>${(data) => html`<${DataTable}
      label="Dry runs" rows=${data.answers} keyOf=${(row) => row.instance}
      columns=${[
        { title: "Instance", cell: (row) => row.instance },
        { title: "Answer", cell: (row) => html`<${State} of=${row.is_current ? row.status : null} />` },
        { title: "Words", cell: (row) =>
          row.is_current ? words(row) : data.dry_runs_on ? "AMC is asked about this version within a minute." : "Dry runs are switched off (RECOMAMP_DRY_RUNS)." },
        { title: "Asked", cell: (row) => (row.is_current ? timeIn(row.checked_at, zone) : "–") },
        { title: "Findings", cell: (row) => row.findings.join("; ") },
      ]} />`}<//>
  <//>`;
}

export function WorkflowForm({ id, stored, instances, onSaved }) {
  const editor = useRef(null);
  const form = useForm(stored ? { ...stored, kind: "workflow" } : NEW, { id, ready: (row) => Boolean(row.instance_id && row.sql_query.trim()) });
  const added = form.isChecked && form.answer.parameters;

  useEffect(() => {
    if (added && added.length > form.row.parameters.length) form.set("parameters", added);
  }, [added]);

  return html`<${Flex} direction="column" gap="4">
    <${Grid} gap="3" templateColumns=${{ base: "1fr", md: "1fr 1fr" }}>
      <${Entry} form=${form} name="instance_id" label="Instance" help="The workflow belongs to the instance's owner."
        options=${[["", "Choose an instance"], ...instances.map((one) => [one.id, `${one.name} (${one.amc_instance_id}) of ${one.owner}`])]} />
      <${Entry} form=${form} name="name" label="Name" />
    <//>
    <${Entry} form=${form} name="description" label="Description" nullable area rows=${2} />
    <${Sql} editor=${editor} label="Query" value=${form.row.sql_query} onChange=${(text) => form.set("sql_query", text)}
      problem=${problemOf(form, "sql_query")} />
    <${Panel} title="Parameters">
      <${Parameters} form=${form} />
      <${Text} fontSize="xs" color="red.fg" mt="2">${problemOf(form, "parameters")}<//>
    <//>
    <${Panel} title="Options">
      <${Grid} gap="3" templateColumns=${{ base: "1fr", md: "1fr 1fr" }}>
        <${Entry} form=${form} name="privacy_filtering" label="Rows of too few users" options=${[["REMOVE_ROWS", "AMC removes the row"], ["REMOVE_VALUES", "AMC blanks its sensitive values"]]} />
        <${Entry} form=${form} name="result_contract" label="When the columns of results change" options=${CONTRACTS} />
        <${Box}><${CheckboxEntry} form=${form} name="counts_hidden_rows">Count the rows that privacy removes or blanks<//>
          <${CheckboxEntry} form=${form} name="disable_aggregation_controls">Skip privacy on made-up data (SANDBOX instances alone)<//><//>
        <${Tags} form=${form} />
      <//>
    <//>
    <${FormEnd} form=${form} onSaved=${onSaved} onPlace=${(line, position) => goTo(editor.current, line, position)} wanted="Choose an instance and write a query." />
  <//>`;
}

export const CONTRACTS = [["EVOLVE", "take any columns"], ["REPORT", "send a notification"], ["FREEZE", "fail the run"]];

// One line of text for an array: a tag is what stands between two commas
function Tags({ form }) {
  const shown = { ...form, row: { tags: form.row.tags.join(",") }, set: (name, text) => form.set(name, text === "" ? [] : text.split(",").map((tag) => tag.trimStart())) };
  return html`<${Entry} form=${shown} name="tags" label="Tags" help="Separate tags by commas." />`;
}
