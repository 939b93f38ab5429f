import { createFileRoute } from "@tanstack/react-router";
import { MagicLinkScreen } from "@/features/access/link-screens";

export const Route = createFileRoute("/magic-link")({ component: MagicLinkScreen });
