// What Airflow's page gives to the console's modules, as small as their rules need it: hooks for one
// component at a time, and markup instead of a page.

let current = null;

function slotOf(make) {
  const index = current.index++;
  current.slots[index] ??= make();
  return current.slots[index];
}

globalThis.React = {
  createElement: (type, props, ...children) => ({ type, props: props ?? {}, children }),
  useCallback: (callback) => slotOf(() => callback),
  useId: () => "id",
  useRef: (initial) => slotOf(() => ({ current: initial })),
  useState(initial) {
    const component = current;
    const slot = slotOf(() => ({ value: typeof initial === "function" ? initial() : initial }));
    const set = (next) => {
      slot.value = typeof next === "function" ? next(slot.value) : next;
      component.run();
    };
    return [slot.value, set];
  },
  useEffect(effect, dependencies) {
    const slot = slotOf(() => ({}));
    const isSame = slot.dependencies?.every((value, index) => value === dependencies[index]);
    slot.dependencies = dependencies;
    if (isSame) return;
    current.effects.push(() => {
      slot.end?.();
      slot.end = effect();
    });
  },
};

// Run a function as a component; `value` is what it returned last
globalThis.mount = (render) => {
  const component = { slots: [] };
  component.run = () => {
    Object.assign(component, { index: 0, effects: [] });
    const outer = current;
    current = component;
    component.value = render();
    current = outer;
    component.effects.forEach((effect) => effect());
  };
  component.run();
  return component;
};

const part = (name) =>
  new Proxy({}, { get: (_, key) => (key === "part" ? name : typeof key === "string" ? part(key) : undefined) });
globalThis.ChakraUI = part("ChakraUI");

globalThis.ReactRouterDOM = {
  Link: "a",
  useLocation: () => ({ pathname: "/plugin/amc" }),
  useNavigate: () => () => {},
  useSearchParams: () => [new URLSearchParams(), () => {}],
};

globalThis.markup = (node) => {
  if (Array.isArray(node)) return node.map(markup).join("");
  if (node === null || node === undefined || typeof node === "boolean") return "";
  if (typeof node !== "object") return String(node);
  const { type, props, children } = node;
  const inner = children.length === 1 ? children[0] : children;
  if (typeof type === "function") return markup(mount(() => type({ ...props, children: inner })).value);
  const attributes = Object.entries(props).map(([name, value]) => ` ${name}="${typeof value === "object" ? JSON.stringify(value) : String(value)}"`);
  return `<${type.part ?? type}${attributes.join("")}>${markup(inner)}</>`;
};
