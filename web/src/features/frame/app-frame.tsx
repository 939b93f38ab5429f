// What is around every screen of somebody who is signed in.
import { useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import {
  FolderGit2,
  Keyboard,
  Languages,
  LogOut,
  Menu as MenuIcon,
  Moon,
  Sun,
  SunMoon,
  UserRound,
} from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { useCommands } from "@/commands/registry";
import { Button } from "@/components/ui/button";
import { Dialog, DialogTrigger, SheetContent } from "@/components/ui/dialog";
import { type Locale, locales, useLocaleChoice } from "@/i18n";
import { chooseTheme } from "@/lib/theme";
import { applyUserChange } from "@/live/apply-change";
import { LiveProvider, useLive } from "@/live/context";
import { ConnectionIndicator } from "./connection-indicator";
import { InFrame } from "./error-screens";
import { Notifications } from "./notifications";
import { ShortcutsHelp } from "./shortcuts-help";
import { Sidebar } from "./sidebar";
import { useSignOut } from "./user-menu";

const loadPalette = () => import("./palette");
const Palette = lazy(loadPalette);

export function AppFrame() {
  return (
    <LiveProvider>
      <Frame />
    </LiveProvider>
  );
}

function Frame() {
  const t = useTranslations("frame");
  const [palette, setPalette] = useState(false);
  const wanted = useOnce(palette);
  const [help, setHelp] = useState(false);
  const [sheet, setSheet] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useOwnChanges();
  useFrameCommands(setPalette, setHelp);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sheet closes when one has gone somewhere
  useEffect(() => setSheet(false), [path]);
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-primary px-3 py-2 text-primary-foreground focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t("skip")}
      </a>
      <aside className="hidden w-56 shrink-0 border-r bg-surface md:block">
        <Sidebar onSearch={() => setPalette(true)} />
      </aside>
      <div className="flex h-11 shrink-0 items-center gap-2 border-b bg-surface px-2 md:hidden">
        <Dialog open={sheet} onOpenChange={setSheet}>
          <DialogTrigger asChild>
            <Button variant="ghost" size="icon" aria-label={t("menu")}>
              <MenuIcon aria-hidden />
            </Button>
          </DialogTrigger>
          <SheetContent title={t("menu")} side="left">
            <Sidebar
              onSearch={() => {
                setSheet(false);
                setPalette(true);
              }}
            />
          </SheetContent>
        </Dialog>
        <span className="font-semibold">CodeCourier</span>
        <Notifications className="ml-auto" />
      </div>
      <div className="fixed right-3 bottom-3 z-30 flex gap-2 rounded-md bg-background empty:hidden">
        <ConnectionIndicator />
      </div>
      <main
        id="content"
        tabIndex={-1}
        className="flex min-h-0 min-w-0 flex-1 flex-col scroll-pt-14 overflow-y-auto outline-none"
      >
        <InFrame value>
          <Outlet />
        </InFrame>
      </main>
      {wanted ? (
        <Suspense>
          <Palette open={palette} onOpenChange={setPalette} />
        </Suspense>
      ) : null}
      <ShortcutsHelp open={help} onOpenChange={setHelp} />
    </div>
  );
}

/** Whether it was ever so; and what it needs is fetched once the page has nothing better to do. */
function useOnce(now: boolean): boolean {
  const [once, setOnce] = useState(now);
  if (now && !once) {
    setOnce(true);
  }
  useEffect(() => {
    // Ahead of its use: where that fails now, it is loaded when it is wanted.
    const timer = setTimeout(() => void loadPalette().catch(() => undefined), 2000);
    return () => clearTimeout(timer);
  }, []);
  return once;
}

/** Follows what concerns the person alone: their projects, invitations, account and devices. */
function useOwnChanges() {
  const live = useLive();
  const client = useQueryClient();
  useEffect(
    () =>
      live.subscribe(
        "user.changes",
        {},
        {
          snapshot: () => void client.invalidateQueries({ queryKey: ["projects"] }),
          delta: (delta) => delta.change && applyUserChange(client, delta.change),
        },
      ),
    [live, client],
  );
}

function useFrameCommands(setPalette: (open: boolean) => void, setHelp: (open: boolean) => void) {
  const t = useTranslations("commands");
  const navigate = useNavigate();
  const signOut = useSignOut();
  const { locale, choose } = useLocaleChoice();
  useCommands([
    { id: "palette", title: t("palette"), group: "help", keys: "mod+k", run: () => setPalette(true) },
    {
      id: "shortcuts",
      title: t("shortcuts"),
      group: "help",
      icon: Keyboard,
      keys: "?",
      run: () => setHelp(true),
    },
    {
      id: "projects",
      title: t("projects"),
      group: "go",
      icon: FolderGit2,
      keys: "g p",
      run: () => void navigate({ to: "/projects" }),
    },
    {
      id: "account",
      title: t("account"),
      group: "account",
      icon: UserRound,
      run: () => void navigate({ to: "/account" }),
    },
    { id: "sign-out", title: t("signOut"), group: "account", icon: LogOut, run: () => void signOut() },
    { id: "theme-light", title: t("light"), group: "appearance", icon: Sun, run: () => chooseTheme("light") },
    { id: "theme-dark", title: t("dark"), group: "appearance", icon: Moon, run: () => chooseTheme("dark") },
    {
      id: "theme-system",
      title: t("system"),
      group: "appearance",
      icon: SunMoon,
      run: () => chooseTheme("system"),
    },
    ...Object.entries(locales)
      .filter(([tag]) => tag !== locale)
      .map(([tag, name]) => ({
        id: `language-${tag}`,
        title: t("language", { name }),
        group: "appearance" as const,
        icon: Languages,
        run: () => choose(tag as Locale),
      })),
  ]);
}
