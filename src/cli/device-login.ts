/** Gets a token for a person by the device flow of OAuth 2 (RFC 8628): the person logs in to the issuer with a browser, on whatever device. */
import {
  allowInsecureRequests,
  ClientError,
  type Configuration,
  customFetch,
  type DeviceAuthorizationResponse,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'openid-client';
import { askIssuer, IssuerNotAsked, shownByIssuer } from '../identity/ask-issuer.ts';

export interface DeviceLogin {
  readonly issuer: URL;
  readonly clientId: string;
  readonly scope: string;
}

/** Where the person goes, and with which code. */
export interface DevicePrompt {
  readonly address: string;
  readonly code: string;
  /** The two in one. */
  readonly complete?: string;
}

export interface DeviceToken {
  /** A JWT. The guard checks who signed it and for which audience. */
  readonly token: string;
  /** As the issuer says. */
  readonly expires?: Date;
}

/** Why there is no token, as a message for the user. */
export class DeviceLoginError extends Error {}

/** `tell` is called once. Throws DeviceLoginError. */
export async function logInByDevice(login: DeviceLogin, tell: (prompt: DevicePrompt) => void): Promise<DeviceToken> {
  const { issuer, clientId, scope } = login;
  try {
    const execute = [allowInsecureRequests]; // what is too insecure is refused below
    const provider = await discovery(issuer, clientId, undefined, None(), { execute, [customFetch]: askIssuer });
    if (provider.serverMetadata().device_authorization_endpoint === undefined) {
      throw new DeviceLoginError('the issuer does not offer the device flow (no "device_authorization_endpoint")');
    }
    const device = await initiateDeviceAuthorization(provider, { scope });
    const { verification_uri: address, verification_uri_complete: complete, user_code: code } = device;
    tell({
      address: shownByIssuer(address),
      code: shownByIssuer(code),
      ...(complete !== undefined && { complete: shownByIssuer(complete) }),
    });
    const asked = Date.now();
    const { access_token: token, expires_in: seconds } = await poll(provider, device);
    // The token is printed inside a shell command.
    if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$/.test(token)) {
      throw new DeviceLoginError('the issuer’s access token is no JWT: the guard cannot check it');
    }
    return { token, ...(seconds !== undefined && { expires: new Date(asked + seconds * 1000) }) };
  } catch (error) {
    throw explained(error);
  }
}

/** Asks again and again whether the person has agreed, also where the issuer cannot be reached for a while (RFC 8628, section 3.5). */
async function poll(provider: Configuration, device: DeviceAuthorizationResponse): Promise<TokenEndpointResponse> {
  const end = Date.now() + device.expires_in * 1000;
  for (;;) {
    try {
      const signal = AbortSignal.timeout(Math.max(0, end - Date.now()));
      return await pollDeviceAuthorizationGrant(provider, device, undefined, { signal });
    } catch (error) {
      if (Date.now() >= end) throw new DeviceLoginError(TOO_LATE);
      if (!isOutOfReach(error)) throw error;
    }
  }
}

const TOO_LATE = 'the code was not entered in time';

function isOutOfReach(error: unknown): boolean {
  if (error instanceof ClientError) return error.code === 'OAUTH_TIMEOUT';
  return error instanceof TypeError && error.cause !== undefined; // `fetch failed`
}

function explained(error: unknown): DeviceLoginError {
  const found = causesOf(error).find(
    (cause) =>
      cause instanceof DeviceLoginError || cause instanceof IssuerNotAsked || cause instanceof ResponseBodyError,
  );
  if (found instanceof IssuerNotAsked) return new DeviceLoginError(found.message);
  if (found instanceof DeviceLoginError) return found;
  if (found instanceof ResponseBodyError) {
    if (found.error === 'access_denied') return new DeviceLoginError('the login was refused');
    if (found.error === 'expired_token') return new DeviceLoginError(TOO_LATE);
    return new DeviceLoginError(`the issuer answers: ${shownByIssuer(found.error_description ?? found.error)}`);
  }
  if (error instanceof ClientError || isOutOfReach(error))
    return new DeviceLoginError(`the issuer could not be asked: ${shownByIssuer((error as Error).message)}`);
  throw error;
}

function causesOf(error: unknown): unknown[] {
  return error instanceof Error && error.cause !== undefined ? [error, ...causesOf(error.cause)] : [error];
}
