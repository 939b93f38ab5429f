// What is shown instead of a screen that cannot be shown.
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { CircleSlash2, Compass, TriangleAlert } from "lucide-react";
import { createContext, type ReactNode, useContext } from "react";
import { useTranslations } from "use-intl";
import { ApiError } from "@/api/client";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Quoted } from "@/components/ui/quoted";

/** Whether the screen is inside of the frame, which is the landmark of the content then. */
export const InFrame = createContext(false);

function Place({ children }: { children: ReactNode }) {
  const Landmark = useContext(InFrame) ? "div" : "main";
  return <Landmark className="grid min-h-[60vh] place-items-center">{children}</Landmark>;
}

export function NotFoundScreen() {
  const t = useTranslations("errors");
  return (
    <Place>
      <EmptyState
        icon={Compass}
        heading="h1"
        title={t("notFound")}
        action={
          <Button asChild>
            <Link to="/">{t("home")}</Link>
          </Button>
        }
      >
        {t("notFoundWhy")}
      </EmptyState>
    </Place>
  );
}

export function ErrorScreen({ error }: ErrorComponentProps) {
  const t = useTranslations("errors");
  const router = useRouter();
  if (error instanceof ApiError && error.code === "NOT_FOUND") {
    return <NotFoundScreen />;
  }
  const forbidden =
    error instanceof ApiError && (error.code === "FORBIDDEN" || error.code === "SCOPE_DENIED");
  return (
    <Place>
      <EmptyState
        icon={forbidden ? CircleSlash2 : TriangleAlert}
        heading="h1"
        title={forbidden ? t("forbidden") : t("broken")}
        action={
          <>
            <Button onClick={() => router.invalidate()}>{t("again")}</Button>
            <Button asChild variant="ghost">
              <Link to="/">{t("home")}</Link>
            </Button>
          </>
        }
      >
        <ErrorText error={error} />
      </EmptyState>
    </Place>
  );
}

/** What stands where a list would be that could not be read, and the way to try again. */
export function ErrorState({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  const t = useTranslations("errors");
  return (
    <div role="alert">
      <EmptyState
        icon={TriangleAlert}
        title={t("broken")}
        action={<Button onClick={onAgain}>{t("again")}</Button>}
      >
        <ErrorText error={error} />
      </EmptyState>
    </div>
  );
}

/** What kept something from being done, where it was asked for. */
export function ErrorAlert({ error }: { error: unknown }) {
  return (
    <div role="alert" className="text-destructive">
      <ErrorText error={error} />
    </div>
  );
}

/** What happened, with what finds it in the log. */
export function ErrorText({ error }: { error: unknown }) {
  const t = useTranslations("errors");
  if (!(error instanceof ApiError)) {
    return <p>{t("unknown")}</p>;
  }
  return (
    <div className="grid gap-1">
      <p>{error.code === "UNREACHABLE" ? t("unreachable") : <Quoted text={error.message} />}</p>
      <p className="text-xs">
        <code>{error.code}</code>
        {error.requestId ? (
          <>
            {" · "}
            <code className="select-all">{error.requestId}</code>
          </>
        ) : null}
      </p>
    </div>
  );
}
