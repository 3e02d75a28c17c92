// What Airflow's page gives to a plugin: React, its router and Chakra's components. No module of
// ours loads them itself, so no page has two copies.

import htm from "./vendor/htm-3.1.1.js";

export const { createElement, Fragment, useCallback, useEffect, useId, useMemo, useRef, useState } =
  globalThis.React;
export const { Link, useLocation, useNavigate, useSearchParams } = globalThis.ReactRouterDOM;
export const Chakra = globalThis.ChakraUI;

// Templates instead of JSX: html`<${Box} p=${4}>…<//>`. It needs no build and no eval.
export const html = htm.bind(createElement);
