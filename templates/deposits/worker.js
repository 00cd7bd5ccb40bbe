// Shows one page when there is no network. It keeps that page and its stylesheet, and nothing of a deposit, ever; it
// sends nothing and sends nothing later.
"use strict";
const PAGE = "{{ page }}";
const KEPT = [PAGE, "{{ stylesheet }}"];
const NAME = "offline-{{ version }}";
addEventListener("install", (event) => event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(KEPT))));
addEventListener("activate", (event) =>
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
      // The page is asked for while this wakes up, so that it costs no time.
      await registration.navigationPreload?.enable();
    })(),
  ),
);
addEventListener("fetch", (event) => {
  const { request } = event;
  const kept = KEPT.includes(new URL(request.url).pathname);
  if (request.method !== "GET" || !(kept || request.mode === "navigate")) return;
  event.respondWith(
    (async () => {
      try {
        return (await event.preloadResponse) || (await fetch(request));
      } catch {
        return caches.match(kept ? request : PAGE);
      }
    })(),
  );
});
