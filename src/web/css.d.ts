/** The bundler writes styles beside the script that imports them. */
declare module '*.css'
