/** One request that must go well. */
export const request = async <Body>(
  url: string,
  options: { method?: string; token?: string; json?: unknown; headers?: Record<string, string> } = {},
): Promise<Body> => {
  const { method = 'GET', token, json } = options
  const headers = new Headers(options.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (json !== undefined) headers.set('content-type', 'application/json')
  const response = await fetch(url, { method, headers, ...(json !== undefined && { body: JSON.stringify(json) }) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} was answered ${response.status}: ${text}`)
  return (text === '' ? null : JSON.parse(text)) as Body
}
