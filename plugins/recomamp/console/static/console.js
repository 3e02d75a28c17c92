// The page "AMC" of Airflow's navigation: one address below /plugin/amc for each thing it shows.

import { Chakra, html, useEffect, useLocation, useState } from "./host.js";
import { Empty, Failure, Loading, ROOT, RouteLink, Tabs } from "./widgets.js";

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

// Address, component, its module, and the component's properties in the address. A module is loaded
// when its page is shown: all of them would delay the first view
const ROUTES = [
  [at(""), "Overview", () => import("./overview.js")],
  [at("/schedules"), "Schedules", () => import("./schedules.js")],
  [at(`/schedules/${ID}`), "Schedule", () => import("./schedule.js"), "id"],
  [at("/collections"), "Collections", () => import("./collections.js")],
  [at(`/collections/${ID}`), "Collection", () => import("./collection.js"), "id"],
  [at("/executions"), "Executions", () => import("./executions.js")],
  [at(`/executions/${ID}`), "Execution", () => import("./execution.js"), "id"],
  [at("/register"), "Register", () => import("./register.js")],
  [at(`/register/${KIND}(?:/${ID})?`), "RegisterForm", () => import("./register.js"), "kind", "id"],
  [/^/, "NotFound", async () => ({ NotFound })],
];
const TITLES = { NotFound: "Not found", RegisterForm: "Register" };

const NotFound = () => html`<${Empty}>This address shows nothing. <${RouteLink} to=${ROOT}>Go to the overview<//>.<//>`;

function LoadedPage({ name, load, ...properties }) {
  const [{ module, error }, setState] = useState({});
  useEffect(() => {
    const failed = { message: "The page could not be loaded. Reload it." };
    load().then((module) => setState({ module }), () => setState({ error: failed }));
  }, []);
  if (error) return html`<${Failure} error=${error} />`;
  return module ? html`<${module[name]} ...${properties} />` : html`<${Loading} />`;
}

function Console() {
  const { pathname } = useLocation();
  const path = pathname.slice(pathname.indexOf(ROOT) + ROOT.length);
  const [pattern, name, load, ...keys] = ROUTES.find(([one]) => one.test(path));
  const values = pattern.exec(path).slice(1);
  useEffect(() => {
    document.title = `${TITLES[name] ?? name} – AMC`;
  }, [name]);
  return html`<${Box} as="main" p="4" overflowY="auto" h="100%">
    <${Heading} as="h1" size="lg" mb="2">AMC<//>
    <${Box} mb="4"><${Tabs} label="AMC console" tabs=${TABS.map(([to, title]) => ({ title, to: `${ROOT}${to}`, isCurrent: to === "" ? /^\/?$/.test(path) : path.startsWith(to) }))} /><//>
    <${LoadedPage} key="${name} ${values}" name=${name} load=${load} ...${Object.fromEntries(keys.map((key, index) => [key, values[index]]))} />
  <//>`;
}

globalThis.AMC = Console;
