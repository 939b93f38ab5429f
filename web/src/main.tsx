// Starts the interface: what everything on the page needs, and nothing else.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRouter, RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TooltipProvider } from "@/components/ui/tooltip";
import { isApiError } from "./api/client";
import { accountQuery } from "./api/queries";
import { CommandProvider } from "./commands/registry";
import { ErrorScreen, NotFoundScreen } from "./features/frame/error-screens";
import { PendingScreen } from "./features/frame/pending-screen";
import { LocaleProvider } from "./i18n";
import { routeTree } from "./routeTree.gen";
// Follows the theme of the system also where nothing lets one choose.
import "./lib/theme";
import "./styles/app.css";

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // What is on the screen is kept fresh by the live connection; this is for what was left in between.
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => isApiError(error, "UNREACHABLE") && failures < 3,
    },
  },
});

const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 200,
  defaultPendingMinMs: 200,
  scrollRestoration: true,
  defaultPendingComponent: PendingScreen,
  defaultErrorComponent: ErrorScreen,
  defaultNotFoundComponent: NotFoundScreen,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

// The server is asked who is there before anything is drawn, and what the address shows is fetched meanwhile.
void queryClient.prefetchQuery(accountQuery);
for (const { routeId } of router.matchRoutes(router.latestLocation)) {
  Promise.resolve(router.loadRouteChunk(router.routesById[routeId as keyof typeof router.routesById])).catch(
    () => {},
  );
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <LocaleProvider>
        <QueryClientProvider client={queryClient}>
          <TooltipProvider delayDuration={400}>
            <CommandProvider>
              <RouterProvider router={router} />
            </CommandProvider>
          </TooltipProvider>
        </QueryClientProvider>
      </LocaleProvider>
    </StrictMode>,
  );
}
