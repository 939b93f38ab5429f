// What can be done, said once: the palette lists it, menus and tooltips show its keys, the keyboard starts it.
//
// A screen registers its commands while it is shown, so the palette begins with what belongs to where one is.
import type { LucideIcon } from "lucide-react";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { matches, startsSequence } from "./keys";

export type Command = {
  /** Unique among what is registered. */
  id: string;
  /** What it does, translated. */
  title: string;
  /** Under which heading it stands in the palette. */
  group: "here" | "go" | "project" | "appearance" | "account" | "help";
  icon?: LucideIcon;
  /** Keys: `g r` is one after the other, `mod+k` together. */
  keys?: string;
  /** It moves what has the focus, which is elsewhere while the palette is open: shown among the shortcuts only. */
  keysOnly?: boolean;
  /** More words to find it by. */
  words?: string;
  run: () => void;
};

class Registry {
  private readonly groups = new Map<symbol, Command[]>();
  private all: readonly Command[] = [];
  private readonly listeners = new Set<() => void>();

  add(key: symbol, commands: Command[]): () => void {
    this.groups.set(key, commands);
    this.changed();
    return () => {
      this.groups.delete(key);
      this.changed();
    };
  }

  list = (): readonly Command[] => this.all;

  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private changed(): void {
    // What was registered last belongs to the innermost screen, and comes first.
    const seen = new Set<string>();
    this.all = [...this.groups.values()]
      .toReversed()
      .flat()
      .filter((command) => !seen.has(command.id) && seen.add(command.id));
    for (const listener of this.listeners) {
      listener();
    }
  }
}

const Commands = createContext<Registry | undefined>(undefined);

function useRegistry(): Registry {
  const registry = useContext(Commands);
  if (!registry) {
    throw new Error("Commands are only for what is inside a CommandProvider.");
  }
  return registry;
}

export function CommandProvider({ children }: { children: ReactNode }) {
  const [registry] = useState(() => new Registry());
  useEffect(() => {
    let before: { key: string; at: number } | undefined;
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) {
        return;
      }
      const typing = isTyping(event.target);
      const first = before && event.timeStamp - before.at < 1200 ? before.key : undefined;
      before = undefined;
      for (const command of registry.list()) {
        if (command.keys && matches(command.keys, event, first, typing)) {
          event.preventDefault();
          command.run();
          return;
        }
      }
      if (!typing && registry.list().some((command) => command.keys && startsSequence(command.keys, event))) {
        before = { key: event.key.toLowerCase(), at: event.timeStamp };
      }
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [registry]);
  return <Commands value={registry}>{children}</Commands>;
}

/** Registers commands for as long as the component that calls it is shown. */
export function useCommands(commands: Command[]): void {
  const registry = useRegistry();
  const key = useMemo(() => Symbol("commands"), []);
  const latest = useRef(commands);
  latest.current = commands;
  const described = commands
    .map(({ id, title, group, keys }) => `${id} ${title} ${group} ${keys ?? ""}`)
    .join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown of a command decides, not its closure
  useEffect(
    () =>
      registry.add(
        key,
        latest.current.map((command) => ({
          ...command,
          run: () => latest.current.find((each) => each.id === command.id)?.run(),
        })),
      ),
    [registry, key, described],
  );
}

/** Everything that can be done here, the innermost first. */
export function useAllCommands(): readonly Command[] {
  const registry = useRegistry();
  return useSyncExternalStore(registry.onChange, registry.list);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) {
    return false;
  }
  return (
    target.isContentEditable || target.closest("input, textarea, select, [role=textbox], .xterm") !== null
  );
}
