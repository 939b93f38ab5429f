import {
  Bot,
  ClipboardCheck,
  Gauge,
  Hammer,
  type LucideIcon,
  Map as MapIcon,
  MessageCircleQuestion,
  Microscope,
  PenLine,
  Scale,
  Search,
  Sparkles,
  Telescope,
} from "lucide-react";
import type { Role } from "./pipeline";

/** What shows a role at a glance, beside its name. */
export const roleIcons: Record<Role, LucideIcon> = {
  designer: Hammer,
  checker: ClipboardCheck,
  optimizer: Sparkles,
  prompter: PenLine,
  investigator: Search,
  planner: MapIcon,
  "deep-dive": Telescope,
  reviewer: Microscope,
  evaluator: Gauge,
  judge: Scale,
  answerer: MessageCircleQuestion,
  custom: Bot,
};
