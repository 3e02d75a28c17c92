// The versions of an execution's window, and what this one changed.

import { useData } from "./api.js";
import { Chakra, html } from "./host.js";
import { useQuery } from "./query.js";
import { Content, count, DataTable, Pager, Panel, percent, ROOT, RouteLink, timeIn } from "./widgets.js";

const { Grid, Text } = Chakra;

const values = (row) => (row ? Object.entries(row).map(([name, value]) => `${name} ${value ?? "NULL"}`).join(", ") : "–");

const List = ({ rows, id, zone }) => html`<${DataTable} label="Versions" rows=${rows} keyOf=${(row) => row.id} columns=${[
  { title: "Ended", cell: (row) => (row.id === id ? html`${timeIn(row.completed_at, zone)} (this)` : html`<${RouteLink} to="${ROOT}/executions/${row.id}?tab=versions">${timeIn(row.completed_at, zone)}<//>`) },
  { title: "Rows", numeric: true, cell: (row) => count(row.result_rows) },
  { title: "New", numeric: true, cell: (row) => count(row.rows_new) },
  { title: "Gone", numeric: true, cell: (row) => count(row.rows_gone) },
  { title: "Changed", numeric: true, cell: (row) => count(row.rows_changed) },
  { title: "Largest change", numeric: true, cell: (row) => percent(row.change_ratio) },
  { title: "Note", cell: (row) => row.error_type ?? (row.files_deleted_at ? "files deleted" : "") },
]} />`;

const Columns = ({ rows }) => html`<${DataTable} label="Changed measures" rows=${rows} keyOf=${(row) => row.column_name} empty="No measure was compared." columns=${[
  { title: "Measure", cell: (row) => row.column_name },
  { title: "Change", numeric: true, cell: (row) => percent(row.change_ratio) },
  { title: "Sum before", numeric: true, cell: (row) => row.sum_before ?? "–" },
  { title: "Sum after", numeric: true, cell: (row) => row.sum_after ?? "–" },
  { title: "Rows changed", numeric: true, cell: (row) => count(row.rows_changed) },
  { title: "Largest of a row", numeric: true, cell: (row) => row.largest_change ?? "–" },
]} />`;

const Rows = ({ rows }) => html`<${DataTable} label="Changed rows" rows=${rows} keyOf=${(row) => row.number} empty="No changed row is stored." columns=${[
  { title: "Change", cell: (row) => row.kind },
  { title: "Row", cell: (row) => values(row.key) },
  { title: "Before", cell: (row) => values(row.before) },
  { title: "After", cell: (row) => values(row.after) },
]} />`;

export function Versions({ id, zone }) {
  const query = useQuery();
  const after = /^\d{1,9}$/.test(query.get("after")) ? query.get("after") : "";
  const request = useData(`executions/${id}/versions?after=${after || 0}`, { every: 0 });
  return html`<${Content} request=${request}>${({ versions, difference, columns, rows, page_size }) => html`<${Grid} gap="4">
    <${Panel} title="Versions of this window"><${List} rows=${versions} id=${id} zone=${zone} /><//>
    ${difference === null
      ? html`<${Text} color="fg.muted">This version was compared with no other: it is the first of its window.<//>`
      : html`<${Panel} title="What this version changed" actions=${difference.previous_execution_id && html`<${RouteLink} fontSize="sm" to="${ROOT}/executions/${difference.previous_execution_id}">Version before<//>`}>
        <${Text} fontSize="sm" mb="3">
          ${count(difference.rows_before)} rows before, ${count(difference.rows_after)} after: ${count(difference.rows_new)} new, ${count(difference.rows_gone)} gone, ${count(difference.rows_changed)} changed.${" "}
          ${difference.key_columns.length > 0 && `The key of a row is ${difference.key_columns.join(", ")}.`} ${difference.note}
        <//>
        <${Columns} rows=${columns} />
      <//>
      <${Panel} title="Changed rows, the largest change first">
        <${Rows} rows=${rows} />
        <${Pager} beforeText="First page" before=${after && query.to({ after: "" })} after=${rows.length === page_size && query.to({ after: rows.at(-1).number })} />
      <//>`}
  <//>`}<//>`;
}
