// The settings of a project: a list of parts beside the part that is shown.
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslations } from "use-intl";
import type { AuditFilter } from "@/api/queries";
import { PageHeader } from "@/features/frame/page-header";
import { ConfigureTexts } from "@/i18n/configure-texts";
import { AgentSettings } from "./agent-settings";
import { ApiKeys } from "./api-keys";
import { AuditLog } from "./audit-log";
import { Checks } from "./checks";
import { DangerZone } from "./danger-zone";
import { Environment } from "./environment";
import { General } from "./general";
import { GitSettings } from "./git-settings";
import { Logo } from "./logo";
import { Prompts } from "./prompts";
import { ProviderKeys } from "./provider-keys";
import { type SectionName, sections } from "./sections";
import { SessionTypes } from "./session-types";

type SettingsScreenProps = { slug: string; section: SectionName; audit: AuditFilter };

export function SettingsScreen(props: SettingsScreenProps) {
  return (
    <ConfigureTexts>
      <Settings {...props} />
    </ConfigureTexts>
  );
}

function Settings({ slug, section, audit }: SettingsScreenProps) {
  const t = useTranslations("settings");
  return (
    <>
      <PageHeader
        trail={[
          <Link key="settings" to="/p/$slug/settings" params={{ slug }}>
            {t("title")}
          </Link>,
        ]}
        title={t(`sections.${section}`)}
      />
      <div className="flex min-h-0 flex-1 flex-col gap-4 p-4 max-md:pt-1 md:flex-row md:gap-6">
        <SectionList slug={slug} />
        <div
          className={
            section === "audit" ? "min-w-0 flex-1" : "grid min-w-0 max-w-2xl flex-1 content-start gap-4"
          }
        >
          <Part slug={slug} section={section} audit={audit} />
        </div>
      </div>
    </>
  );
}

function SectionList({ slug }: { slug: string }) {
  const t = useTranslations("settings");
  const nav = useRef<HTMLElement>(null);
  // On a phone the list is a row, and what is shown may be outside of it.
  useEffect(
    () =>
      nav.current
        ?.querySelector("[data-status=active]")
        ?.scrollIntoView({ block: "nearest", inline: "center" }),
    [],
  );
  return (
    <nav
      ref={nav}
      aria-label={t("title")}
      className="-mx-4 shrink-0 overflow-x-auto border-b px-4 md:mx-0 md:w-44 md:border-0 md:px-0"
    >
      <ul className="flex gap-0.5 pb-1 md:sticky md:top-0 md:flex-col">
        {sections.map(({ name, icon: Icon }) => (
          <li key={name}>
            <Link
              to="/p/$slug/settings/$section"
              params={{ slug, section: name }}
              search={{}}
              activeOptions={{ includeSearch: false }}
              className="flex h-8 items-center gap-2 whitespace-nowrap rounded-md px-2 text-muted-foreground hover:bg-accent hover:text-foreground data-[status=active]:bg-accent data-[status=active]:text-foreground"
            >
              <Icon className="size-4" aria-hidden />
              {t(`sections.${name}`)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Part({ slug, section, audit }: SettingsScreenProps) {
  switch (section) {
    case "general":
      return (
        <>
          <General slug={slug} />
          <Logo slug={slug} />
          <DangerZone slug={slug} />
        </>
      );
    case "agents":
      return (
        <>
          <AgentSettings slug={slug} />
          <SessionTypes slug={slug} />
        </>
      );
    case "prompts":
      return <Prompts slug={slug} />;
    case "environment":
      return <Environment slug={slug} />;
    case "checks":
      return <Checks slug={slug} />;
    case "git":
      return <GitSettings slug={slug} />;
    case "provider-keys":
      return <ProviderKeys slug={slug} />;
    case "api-keys":
      return <ApiKeys slug={slug} />;
    case "audit":
      return <AuditLog slug={slug} filter={audit} />;
  }
}
