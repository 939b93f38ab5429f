import { createFileRoute } from "@tanstack/react-router";
import { VerifyEmailScreen } from "@/features/access/link-screens";

export const Route = createFileRoute("/verify-email")({ component: VerifyEmailScreen });
