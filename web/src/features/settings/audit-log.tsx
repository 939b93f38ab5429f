// Who changed what, and when. The filter is in the address, and what is exported is what is shown.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Download, History, X } from "lucide-react";
import { useTranslations } from "use-intl";
import type { Schemas } from "@/api/client";
import { type AuditFilter, auditQuery, membersQuery } from "@/api/queries";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Select } from "@/components/ui/select";
import { Skeleton } from "@/components/ui/skeleton";
import { ErrorAlert } from "@/features/frame/error-screens";
import { Ago } from "@/features/runs/moments";

/** Where a filter is not set. */
const ANY = "-";

/** What there are entries of: the words of the log itself, which are no one's language. */
const actions = [
  "project.create",
  "project.update",
  "project.logo",
  "project.delete",
  "project.restore",
  "member.join",
  "member.role",
  "member.leave",
  "member.remove",
  "member.adopt",
  "invitation.create",
  "invitation.resend",
  "invitation.accept",
  "invitation.decline",
  "invitation.cancel",
  "settings.update",
  "variable.create",
  "variable.update",
  "variable.delete",
  "provider_key.set",
  "provider_key.remove",
  "api_key.create",
  "api_key.rotate",
  "api_key.revoke",
  "workflow.save",
  "workflow.delete",
];

export function AuditLog({ slug, filter }: { slug: string; filter: AuditFilter }) {
  const t = useTranslations("audit");
  const entries = useInfiniteQuery(auditQuery(slug, filter));
  const list = entries.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="grid content-start gap-3">
      <Filter slug={slug} filter={filter} />
      {entries.isPending ? (
        <div className="grid gap-2">
          {[1, 2, 3, 4].map((row) => (
            <Skeleton key={row} className="h-10" />
          ))}
        </div>
      ) : entries.error ? (
        <ErrorAlert error={entries.error} />
      ) : list.length === 0 ? (
        <EmptyState icon={History} title={t("none")}>
          {t("noneWhy")}
        </EmptyState>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled with the keyboard
        <section aria-label={t("title")} tabIndex={0} className="overflow-x-auto rounded-lg border">
          <table className="w-full text-left">
            <thead className="border-b bg-surface text-muted-foreground text-xs">
              <tr>
                {(["when", "who", "what", "which", "details"] as const).map((column) => (
                  <th key={column} scope="col" className="px-3 py-2 font-medium">
                    {t(column)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y">
              {list.map((entry) => (
                <EntryRow key={entry.id} entry={entry} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {entries.hasNextPage ? (
        <div className="text-center">
          <Button busy={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      ) : null}
    </div>
  );
}

function EntryRow({ entry }: { entry: Schemas["AuditEntry"] }) {
  const t = useTranslations("audit");
  const details = Object.entries(entry.detail).filter(([, value]) => value !== null);
  return (
    <tr className="align-top hover:bg-accent/40">
      <td className="whitespace-nowrap px-3 py-2 text-muted-foreground">
        <Ago at={entry.at} />
      </td>
      <td className="px-3 py-2">
        <span className="block max-w-48 truncate" title={entry.actor}>
          {entry.actorName ?? (entry.actor.startsWith("key_") ? t("aKey") : entry.actor)}
        </span>
        {entry.address ? (
          <span className="block whitespace-nowrap text-[0.8125rem] text-muted-foreground tabular-nums">
            {entry.address}
          </span>
        ) : null}
      </td>
      <td className="px-3 py-2">
        <code className="whitespace-nowrap text-[0.8125rem]">{entry.action}</code>
      </td>
      <td className="px-3 py-2">
        <code className="block max-w-56 truncate text-[0.8125rem] text-muted-foreground" title={entry.target}>
          {entry.target}
        </code>
      </td>
      <td className="px-3 py-2 text-[0.8125rem] text-muted-foreground">
        {details.length === 0 ? (
          "–"
        ) : (
          <details>
            <summary>{t("fields", { count: details.length })}</summary>
            <pre className="max-w-md overflow-x-auto whitespace-pre-wrap py-1 font-mono">
              {details
                .map(
                  ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
                )
                .join("\n")}
            </pre>
          </details>
        )}
      </td>
    </tr>
  );
}

function Filter({ slug, filter }: { slug: string; filter: AuditFilter }) {
  const t = useTranslations("audit");
  const navigate = useNavigate();
  const members = useQuery(membersQuery(slug)).data ?? [];
  const set = (change: { [K in keyof AuditFilter]?: AuditFilter[K] | undefined }) =>
    void navigate({
      to: "/p/$slug/settings/$section",
      params: { slug, section: "audit" },
      search: (before) => ({ ...before, ...change }),
      replace: true,
    });
  const people = [
    { value: ANY, label: t("anybody") },
    ...members.map((member) => ({ value: member.user, label: member.name })),
    { value: "system", label: t("platform") },
    { value: "operator", label: t("operator") },
  ];
  const actor = people.some((each) => each.value === filter.actor) ? (filter.actor ?? ANY) : ANY;
  const query = new URLSearchParams(filter).toString();
  return (
    <div className="flex flex-wrap items-end gap-3">
      <Field label={t("who")} className="w-44 max-sm:w-[calc(50%-0.375rem)]">
        <Select
          value={actor}
          onValueChange={(value) => set({ actor: value === ANY ? undefined : value })}
          options={people}
        />
      </Field>
      <Field label={t("what")} className="w-44 max-sm:w-[calc(50%-0.375rem)]">
        <Select
          value={actions.find((action) => action === filter.action) ?? ANY}
          onValueChange={(value) => set({ action: value === ANY ? undefined : value })}
          options={[
            { value: ANY, label: t("anything") },
            ...actions.map((action) => ({ value: action, label: action })),
          ]}
        />
      </Field>
      <Field label={t("from")} className="w-40 max-sm:w-[calc(50%-0.375rem)]">
        <Input
          type="date"
          value={day(filter.from)}
          onChange={(event) => set({ from: moment(event.target.value, 0) })}
        />
      </Field>
      <Field label={t("until")} className="w-40 max-sm:w-[calc(50%-0.375rem)]">
        <Input
          type="date"
          value={day(filter.until, -1)}
          onChange={(event) => set({ until: moment(event.target.value, 1) })}
        />
      </Field>
      {Object.keys(filter).length > 0 ? (
        <Button
          variant="ghost"
          onClick={() => set({ actor: undefined, action: undefined, from: undefined, until: undefined })}
        >
          <X aria-hidden />
          {t("clear")}
        </Button>
      ) : null}
      <Menu>
        <Button asChild className="ml-auto">
          <MenuTrigger>
            <Download aria-hidden />
            {t("export")}
          </MenuTrigger>
        </Button>
        <MenuContent align="end">
          {(["csv", "jsonl"] as const).map((kind) => (
            <MenuItem key={kind} asChild>
              <a
                href={`/api/v1/projects/${slug}/audit/export?format=${kind}${query ? `&${query}` : ""}`}
                download={`audit-${slug}-${day(new Date().toISOString())}.${kind}`}
              >
                {t(`formats.${kind}`)}
              </a>
            </MenuItem>
          ))}
        </MenuContent>
      </Menu>
    </div>
  );
}

/** The day of a moment, where the person is. */
function day(at: string | undefined, later = 0): string {
  if (!at || Number.isNaN(Date.parse(at))) {
    return "";
  }
  const date = new Date(at);
  date.setDate(date.getDate() + later);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The beginning of a day where the person is, or of a later one. */
function moment(text: string, later: number): string | undefined {
  if (!text) {
    return undefined;
  }
  const date = new Date(`${text}T00:00:00`);
  date.setDate(date.getDate() + later);
  return date.toISOString();
}
