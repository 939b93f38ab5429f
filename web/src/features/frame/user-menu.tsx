import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LogOut, UserRound } from "lucide-react";
import { useTranslations } from "use-intl";
import { api, done } from "@/api/client";
import { accountQuery, serverQuery } from "@/api/queries";
import {
  Menu,
  MenuChoice,
  MenuChoices,
  MenuContent,
  MenuItem,
  MenuLabel,
  MenuSeparator,
  MenuTrigger,
} from "@/components/ui/menu";
import { useLeave } from "@/features/access/use-leave";
import { type Locale, locales, useLocaleChoice } from "@/i18n";
import { chooseTheme, type Theme, themes, useTheme } from "@/lib/theme";
import { useFailure } from "./use-failure";

export function UserMenu() {
  const t = useTranslations("frame");
  const account = useQuery(accountQuery).data;
  const server = useQuery(serverQuery).data;
  const theme = useTheme();
  const { locale, choose } = useLocaleChoice();
  const signOut = useSignOut();
  return (
    <Menu>
      <MenuTrigger className="flex h-9 w-full items-center gap-2 rounded-md px-2 text-left hover:bg-accent">
        <span
          className="grid size-6 shrink-0 place-items-center rounded-full bg-muted font-medium text-xs"
          aria-hidden
        >
          {[...(account?.name ?? "?")][0]?.toUpperCase()}
        </span>
        <span className="truncate">{account?.name}</span>
      </MenuTrigger>
      <MenuContent side="top" className="w-60">
        <MenuItem asChild>
          <Link to="/account">
            <UserRound aria-hidden />
            {t("account")}
          </Link>
        </MenuItem>
        <MenuSeparator />
        <MenuLabel>{t("theme")}</MenuLabel>
        <MenuChoices value={theme} onValueChange={(value) => chooseTheme(value as Theme)}>
          {themes.map((each) => (
            <MenuChoice key={each} value={each}>
              {t(`themes.${each}`)}
            </MenuChoice>
          ))}
        </MenuChoices>
        <MenuSeparator />
        <MenuLabel>{t("language")}</MenuLabel>
        <MenuChoices value={locale} onValueChange={(value) => choose(value as Locale)}>
          {Object.entries(locales).map(([tag, name]) => (
            <MenuChoice key={tag} value={tag} lang={tag}>
              {name}
            </MenuChoice>
          ))}
        </MenuChoices>
        <MenuSeparator />
        <MenuItem onSelect={() => void signOut()}>
          <LogOut aria-hidden />
          {t("signOut")}
        </MenuItem>
        <p className="px-2 py-1 text-muted-foreground text-xs">CodeCourier {server?.version}</p>
      </MenuContent>
    </Menu>
  );
}

export function useSignOut() {
  const leave = useLeave();
  const fail = useFailure();
  return async () => {
    try {
      await done(api.POST("/api/v1/auth/sign-out"));
      await leave();
    } catch (error) {
      fail(error);
    }
  };
}
