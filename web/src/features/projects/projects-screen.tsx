import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { FolderGit2, Mail, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { api, data, done, isApiError, type Schemas } from "@/api/client";
import { expected } from "@/api/optimistic";
import { ownInvitationsQuery, projectsQuery } from "@/api/queries";
import { useCommands } from "@/commands/registry";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { ErrorAlert } from "@/features/frame/error-screens";
import { PageHeader } from "@/features/frame/page-header";
import { useFailure } from "@/features/frame/use-failure";
import { useOptimistic } from "@/features/frame/use-optimistic";
import { unique } from "@/lib/unique";
import { ProjectMark } from "./project-mark";

export function ProjectsScreen() {
  const t = useTranslations("projects");
  const projects = useQuery(projectsQuery).data ?? [];
  const invitations = useQuery(ownInvitationsQuery).data ?? [];
  const [creating, setCreating] = useState(false);
  useCommands([
    {
      id: "new-project",
      title: t("new"),
      group: "here",
      icon: Plus,
      keys: "c",
      run: () => setCreating(true),
    },
  ]);
  return (
    <>
      <PageHeader title={t("title")}>
        <Button variant="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden />
          {t("new")}
        </Button>
      </PageHeader>
      {invitations.length > 0 ? (
        <ul className="divide-y border-b bg-surface">
          {invitations.map((invitation) => (
            <InvitationRow key={invitation.id} invitation={invitation} />
          ))}
        </ul>
      ) : null}
      {projects.length === 0 ? (
        <EmptyState
          icon={FolderGit2}
          title={t("none")}
          action={
            <Button variant="primary" onClick={() => setCreating(true)}>
              {t("new")}
            </Button>
          }
        >
          {t("noneWhy")}
        </EmptyState>
      ) : (
        <ul className="grid grid-cols-1 gap-3 p-4 sm:grid-cols-2 xl:grid-cols-3">
          {projects.map((project) => (
            <li key={project.id}>
              <ProjectCard project={project} />
            </li>
          ))}
        </ul>
      )}
      <NewProject open={creating} onOpenChange={setCreating} />
    </>
  );
}

function ProjectCard({ project }: { project: Schemas["Project"] }) {
  const roles = useTranslations("roles");
  return (
    <Link
      to="/p/$slug/runs"
      params={{ slug: project.slug }}
      className="flex h-full gap-3 rounded-lg border bg-card p-4 hover:border-input hover:bg-accent/40"
    >
      <ProjectMark project={project} className="size-8 text-base" />
      <span className="grid min-w-0 grid-cols-1 content-start gap-0.5">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium">{project.name}</span>
          <Badge>{roles(project.role)}</Badge>
        </span>
        <span className="line-clamp-2 text-muted-foreground">
          {project.description || project.repository || project.slug}
        </span>
      </span>
    </Link>
  );
}

function InvitationRow({ invitation }: { invitation: Schemas["OwnInvitation"] }) {
  const t = useTranslations("projects");
  const client = useQueryClient();
  const fail = useFailure();
  const params = { path: { invitation: invitation.id } };
  const accept = useMutation({
    mutationFn: () => done(api.POST("/api/v1/invitations/{invitation}/accept", { params })),
    onError: fail,
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["own-invitations"] });
      void client.invalidateQueries({ queryKey: ["projects"] });
    },
  });
  const decline = useOptimistic({
    of: ownInvitationsQuery,
    send: () => done(api.POST("/api/v1/invitations/{invitation}/decline", { params })),
    expects: () => [
      expected(ownInvitationsQuery, (invitations) => invitations.filter((each) => each.id !== invitation.id)),
    ],
  });
  return (
    <li className="flex flex-wrap items-center gap-3 px-4 py-2">
      <Mail className="size-4 text-muted-foreground" aria-hidden />
      <span className="min-w-0 flex-1">
        {t("invited", { inviter: invitation.inviterName ?? "–", project: invitation.projectName })}
      </span>
      <Button size="small" variant="primary" busy={accept.isPending} onClick={() => accept.mutate()}>
        {t("accept")}
      </Button>
      <Button size="small" disabled={accept.isPending} onClick={() => decline.mutate()}>
        {t("decline")}
      </Button>
    </li>
  );
}

function NewProject({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const t = useTranslations("projects");
  const client = useQueryClient();
  const navigate = useNavigate();
  const [form, setForm] = useState({ name: "", repository: "", description: "" });
  const create = useMutation({
    mutationFn: () =>
      data(
        api.POST("/api/v1/projects", {
          params: { header: { "Idempotency-Key": unique() } },
          body: {
            name: form.name,
            ...(form.repository.trim() ? { repository: form.repository.trim() } : {}),
            ...(form.description.trim() ? { description: form.description } : {}),
          },
        }),
      ),
    onSuccess: async (project) => {
      await client.invalidateQueries({ queryKey: ["projects"] });
      onOpenChange(false);
      await navigate({ to: "/p/$slug/runs", params: { slug: project.slug } });
    },
  });
  const errorOf = (field: string) =>
    isApiError(create.error) && create.error.field === field ? create.error.message : undefined;
  const named = isApiError(create.error) && create.error.field !== null && create.error.field in form;
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent title={t("new")} closeLabel={t("close")}>
        <form
          className="grid gap-4"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            create.mutate();
          }}
        >
          <Field label={t("name")} error={errorOf("name")}>
            <Input
              autoFocus
              required
              maxLength={80}
              value={form.name}
              onChange={(event) => setForm({ ...form, name: event.target.value })}
            />
          </Field>
          <Field label={t("repository")} hint={t("repositoryHint")} error={errorOf("repository")}>
            <Input
              placeholder="https://github.com/acme/shop"
              value={form.repository}
              onChange={(event) => setForm({ ...form, repository: event.target.value })}
            />
          </Field>
          <Field label={t("description")} error={errorOf("description")}>
            <Input
              maxLength={2000}
              value={form.description}
              onChange={(event) => setForm({ ...form, description: event.target.value })}
            />
          </Field>
          {create.error && !named ? <ErrorAlert error={create.error} /> : null}
          <div className="flex justify-end">
            <Button type="submit" variant="primary" busy={create.isPending}>
              {t("create")}
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}
