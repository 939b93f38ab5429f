import { createFileRoute } from "@tanstack/react-router";
import { PasswordResetScreen } from "@/features/access/link-screens";

export const Route = createFileRoute("/password-reset")({ component: PasswordResetScreen });
