import {
  Bot,
  GitCommitHorizontal,
  History,
  KeyRound,
  ListChecks,
  type LucideIcon,
  MessageSquareText,
  Plug,
  SlidersHorizontal,
  Terminal,
} from "lucide-react";

/** The parts of a project's settings, in the order in which one meets them. */
export const sections = [
  { name: "general", icon: SlidersHorizontal },
  { name: "agents", icon: Bot },
  { name: "prompts", icon: MessageSquareText },
  { name: "environment", icon: Terminal },
  { name: "checks", icon: ListChecks },
  { name: "git", icon: GitCommitHorizontal },
  { name: "provider-keys", icon: Plug },
  { name: "api-keys", icon: KeyRound },
  { name: "audit", icon: History },
] as const satisfies { name: string; icon: LucideIcon }[];

export type SectionName = (typeof sections)[number]["name"];

export const isSection = (name: string): name is SectionName => sections.some((each) => each.name === name);
