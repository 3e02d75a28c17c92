// The page "AMC" of Airflow's navigation: one address below /plugin/amc for each thing it shows.

import { Collection } from "./collection.js";
import { Collections } from "./collections.js";
import { Chakra, html, useEffect, useLocation } from "./host.js";
import { Execution } from "./execution.js";
import { Executions } from "./executions.js";
import { Overview } from "./overview.js";
import { Register, RegisterForm } from "./register.js";
import { Schedule } from "./schedule.js";
import { Schedules } from "./schedules.js";
import { Empty, ROOT, RouteLink, Tabs } from "./widgets.js";

const { Box, Heading } = Chakra;

const TABS = [
  ["", "Overview"],
  ["/schedules", "Schedules"],
  ["/collections", "Collections"],
  ["/executions", "Executions"],
  ["/register", "Register"],
];

const ID = "([0-9a-f-]{36})";
const KIND = "(workflow|schedule|collection)";
const at = (path) => new RegExp(`^${path}/?$`);

const ROUTES = [
  [at(""), "Overview", () => html`<${Overview} />`],
  [at("/schedules"), "Schedules", () => html`<${Schedules} />`],
  [at(`/schedules/${ID}`), "Schedule", (id) => html`<${Schedule} key=${id} id=${id} />`],
  [at("/collections"), "Collections", () => html`<${Collections} />`],
  [at(`/collections/${ID}`), "Collection", (id) => html`<${Collection} key=${id} id=${id} />`],
  [at("/executions"), "Executions", () => html`<${Executions} />`],
  [at(`/executions/${ID}`), "Execution", (id) => html`<${Execution} key=${id} id=${id} />`],
  [at("/register"), "Register", () => html`<${Register} />`],
  [at(`/register/${KIND}(?:/${ID})?`), "Register", (kind, id) => html`<${RegisterForm} key="${kind} ${id}" kind=${kind} id=${id} />`],
];

const NotFound = () => html`<${Empty}>This address shows nothing. <${RouteLink} to=${ROOT}>Go to the overview<//>.<//>`;

function Console() {
  const { pathname } = useLocation();
  const path = pathname.slice(pathname.indexOf(ROOT) + ROOT.length);
  const [pattern, title, page] = ROUTES.find(([one]) => one.test(path)) ?? [null, "Not found", NotFound];
  useEffect(() => {
    document.title = `${title} – AMC`;
  }, [title]);
  return html`<${Box} as="main" p="4" overflowY="auto" h="100%">
    <${Heading} as="h1" size="lg" mb="2">AMC<//>
    <${Box} mb="4"><${Tabs} label="AMC console" tabs=${TABS.map(([to, title]) => ({ title, to: `${ROOT}${to}`, isCurrent: to === "" ? /^\/?$/.test(path) : path.startsWith(to) }))} /><//>
    ${page(...(pattern ? pattern.exec(path).slice(1) : []))}
  <//>`;
}

globalThis.AMC = Console;
