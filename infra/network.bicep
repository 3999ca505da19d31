metadata description = 'A virtual network: a subnet of the app with one fixed egress address, and a subnet of private endpoints.'

@description('Name of the network; what belongs to it is named after it.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: '${name}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource gateway 'Microsoft.Network/natGateways@2025-09-01' = {
  name: '${name}-nat'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.210.0.0/24'
      ]
    }
  }
}

resource appSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = {
  parent: network
  name: 'app'
  properties: {
    addressPrefix: '10.210.0.0/26'
    natGateway: {
      id: gateway.id
    }
    delegations: [
      {
        name: 'flex'
        properties: {
          serviceName: 'Microsoft.App/environments'
        }
      }
    ]
  }
}

resource endpointSubnet 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = {
  parent: network
  name: 'endpoints'
  properties: {
    addressPrefix: '10.210.0.64/26'
    privateEndpointNetworkPolicies: 'Disabled'
  }
  // Subnets of one network cannot be made at the same time.
  dependsOn: [
    appSubnet
  ]
}

@description('Resource id of the network.')
output networkId string = network.id
@description('Subnet that the app is integrated with.')
output appSubnetId string = appSubnet.id
@description('Subnet of the private endpoints.')
output endpointSubnetId string = endpointSubnet.id
@description('The address from which clusters see calls come.')
output egressAddress string = address.properties.?ipAddress ?? ''
