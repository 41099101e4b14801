/** The configurations that HAProxy and pgpool-II are measured with: each does the least that it can. */
import type { Address } from '../../support/postgres.ts';

/** TCP alone, in one thread, as the others. */
export function haproxySettings(port: number, server: Address): string {
  return `global
  nbthread 1
  maxconn 2500
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen postgresql
  bind 127.0.0.1:${port}
  server database ${server.host}:${server.port}
`;
}

/** One server, no balancing, no checks of it and nothing asked of its catalogs; a process for each of up to 40 clients. */
export function pgpoolSettings(folder: string, port: number, commandPort: number, server: Address): string {
  const settings: Record<string, string | number> = {
    backend_clustering_mode: 'raw',
    backend_hostname0: server.host,
    backend_port0: server.port,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: folder,
    pcp_listen_addresses: '127.0.0.1',
    pcp_port: commandPort,
    pcp_socket_dir: folder,
    pid_file_name: `${folder}/pgpool.pid`,
    logdir: folder,
    work_dir: folder,
    num_init_children: 40,
    reserved_connections: 0,
    max_pool: 1,
    child_life_time: 0,
    connection_cache: 'on',
    enable_pool_hba: 'on',
    pool_passwd: `${folder}/pool_passwd`,
    load_balance_mode: 'off',
    memory_cache_enabled: 'off',
    check_temp_table: 'none',
    check_unlogged_table: 'off',
    sr_check_period: 0,
    health_check_period: 0,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}\n`)
    .join('');
}
