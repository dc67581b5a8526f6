// The picture alone on the whole screen.

const root = document.documentElement;

export const toggle = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
