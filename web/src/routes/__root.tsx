import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, Outlet } from "@tanstack/react-router";
import { Toaster } from "sonner";

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: () => (
    <>
      <Outlet />
      <Toaster
        position="bottom-right"
        className="!font-sans"
        // Its own colours are those of the light theme.
        toastOptions={{
          className: "!border-border !bg-popover !text-popover-foreground",
          descriptionClassName: "!text-muted-foreground",
        }}
      />
    </>
  ),
});
